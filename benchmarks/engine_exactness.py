"""How far latents out of shared calls are from those of the stock pipeline alone, as a table.

    python -m benchmarks.engine_exactness [--alone]

Small models with random weights, float32, up to six requests in a call that differ in prompt, seed,
steps, guidance and sampler. With --alone each call has one request.
"""

import argparse
import tempfile
import warnings
from pathlib import Path

import torch

from tests.inference.engine.matrix import CASES, Folders, compare


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", action="store_true")
    rows = 1 if parser.parse_args().alone else 6
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print("| stock pipeline | requests | calls for steps | largest difference, and of which sampler | in the middle |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folders = Folders(Path(name))
        for case in CASES:
            seen = compare(case, folders, max_rows=rows)
            worst = max(seen.differences, key=lambda sampler: seen.differences[sampler])
            middle = sorted(seen.differences.values())[len(seen.differences) // 2]
            print(
                f"| {case.name} | {len(case.samplers)} | {seen.calls} for {seen.row_steps} "
                f"| {seen.differences[worst]:.1e} ({worst}) | {middle:.1e} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
