"""`make compat`: the stock client's own live tests against a fresh Wellspring.

    python -m tests.compat [--client 2.4.0] [--without-xet] [--only tests/test_x.py …]

The client's tests come with its source distribution on PyPI and are never committed here; the
lists in `eligible/` name those that need nothing but a hub (no data of the public Hub, no mocks).
Exit status 1 when a test fails that docs/reference/client-compatibility.md does not excuse.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from config.supervisor import Site
from tests.compat import clients, report, suite
from tests.compat.people import seed

PROJECT = Path(__file__).resolve().parents[2]
CACHE = PROJECT / "var" / "compat"
MOST_SECOND_TRIES = 3
ELIGIBLE = Path(__file__).parent / "eligible"


def main() -> int:
    options = _options()
    started = time.monotonic()
    client = clients.prepare(options.client, CACHE)
    tests = _chosen(options.client, options.only)
    with tempfile.TemporaryDirectory(prefix="wellspring-compat-") as folder:
        Path(folder).chmod(0o755)
        # The suite asks in a minute what a few people ask in a day.
        os.environ["WELLSPRING_RATE_API"] = os.environ["WELLSPRING_RATE_RESOLVERS"] = "1000000/1000000"
        site = Site(Path(folder) / "site", port=0)
        site.start()
        try:
            run = suite.Run(client, site.base_url, seed(site), Path(folder) / "suite", without_xet=options.without_xet)
            results = suite.run_all(run, tests, processes=options.processes, keep_going=site.revive)
            results = _second_try(run, results, site)
        finally:
            site.stop()
    failed = report.show(client, results, without_xet=options.without_xet, seconds=time.monotonic() - started)
    return 1 if failed else 0


def _second_try(run: suite.Run, results: list[suite.Result], site: Site) -> list[suite.Result]:
    """A few that failed run once more by themselves, and it is said: a busy machine is not the hub's fault."""
    failed = [result.test for result in results if result.outcome == "failed"]
    if not 0 < len(failed) <= MOST_SECOND_TRIES:
        return results
    print(f"once more by themselves: {', '.join(failed)}", flush=True)
    again = suite.run_all(replace(run, folder=run.folder / "again"), failed, processes=1, keep_going=site.revive)
    second = {result.test: result for result in again}
    return [second.get(result.test, result) for result in results]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the stock client's own live tests against a fresh Wellspring.")
    versions = sorted(file.stem for file in ELIGIBLE.glob("*.txt"))
    parser.add_argument("--client", default="2.4.0", choices=versions, help="version of huggingface_hub")
    parser.add_argument("--without-xet", action="store_true", help="HF_HUB_DISABLE_XET=1; leaves out what needs Xet")
    parser.add_argument("--only", nargs="*", default=[], help="files or tests of the suite; all when left out")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def _chosen(version: str, only: list[str]) -> list[str]:
    every = (ELIGIBLE / f"{version}.txt").read_text().split("\n")
    tests = [name for name in every if name and (not only or name.startswith(tuple(only)))]
    if not tests:
        sys.exit("No eligible test has such a name.")
    return tests


if __name__ == "__main__":
    sys.exit(main())
