"""How fast the hub is, each figure against a floor in the same run.

    python -m benchmarks.hub [commits requests transfers]

Needs the programs nginx and ab (Debian: nginx-light, apache2-utils). Starts a site on a folder of its
own, on the disk of --folder, and stops it.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import hub_commits, hub_requests, hub_transfers, measuring
from benchmarks.measuring import Measure
from benchmarks.site import Bench, running

_PARTS = {"commits": hub_commits, "requests": hub_requests, "transfers": hub_transfers}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, []], default=list(_PARTS))
    parser.add_argument("--folder", type=Path, default=Path("var"), help="where the site and its files lie")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="benchmark-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        with running(folder) as bench:
            bench.note_memory()
            print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n\n{measuring.HEAD}", flush=True)
            for part in options.parts:
                for measure in _PARTS[part].measures(bench):
                    print(measure.row(), flush=True)
            print(_memory(bench).row(), flush=True)
    return 0


def _memory(bench: Bench) -> Measure:
    return Measure(
        "growth of the largest web process meanwhile", (max(bench.memory) - bench.memory[0]) / 2**20, "MiB", 50
    )


if __name__ == "__main__":
    sys.exit(main())
