"""How far latents out of shared calls are from those of the stock pipeline alone, as a table.

    python -m benchmarks.engine_exactness [--alone] [--device cuda] [--dtype bfloat16]

Small models with random weights, up to six requests in a call that differ in prompt, seed, steps, guidance and
sampler. With --alone each call has one request. The stock pipeline runs on the same device in the same type;
where that is not float32, differences are means in standard deviations of the latents.
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
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # else a GPU rounds float32 on its way into a convolution
    warnings.simplefilter("ignore")
    place = {"device": options.device, "dtype": getattr(torch, options.dtype)}
    print("| stock pipeline | requests | calls for steps | largest difference, and of which sampler | in the middle |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folders = Folders(Path(name))
        for case in CASES:
            seen = compare(case, folders, max_rows=1 if options.alone else 6, **place)
            differences = seen.differences if options.dtype == "float32" else seen.spreads
            worst = max(differences, key=lambda sampler: differences[sampler])
            middle = sorted(differences.values())[len(differences) // 2]
            print(
                f"| {case.name} | {len(case.samplers)} | {seen.calls} for {seen.row_steps} "
                f"| {differences[worst]:.1e} ({worst}) | {middle:.1e} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
