"""What came out: a table per file, the score, and every test that did not pass."""

import re
from collections import Counter
from pathlib import Path

from tests.compat.clients import Client
from tests.compat.suite import Result

EXCUSES = Path(__file__).resolve().parents[2] / "docs" / "reference" / "client-compatibility.md"


def show(client: Client, results: list[Result], *, without_xet: bool, seconds: float) -> list[Result]:
    """Print everything; returns the failures that no line of client-compatibility.md excuses."""
    results = [result for result in results if not (without_xet and result.outcome == "missing")]
    excused = excuses()
    failed = [result for result in results if result.outcome != "passed"]
    for result in failed:
        why = "excused" if result.test in excused else "FAILED"
        print(f"{why} {result.test} ({result.outcome})\n    {result.message}\n    {result.last_request}")
    for file, (passed, total) in _per_file(results).items():
        print(f"{passed:4} of {total:4}  {file}")
    mode = "without Xet" if without_xet else "with Xet"
    print(f"huggingface_hub {client.version} {mode}: {_score(results)} eligible tests pass in {seconds:.0f} s")
    rest = [result for result in results if "bucket" not in result.test]
    print(f"  without the bucket tests: {_score(rest)}")
    print(
        f"  hosts outside this machine that were asked for: {sorted({host for one in results for host in one.hosts})}"
    )
    return [result for result in failed if result.test not in excused]


def excuses() -> set[str]:
    """The tests that client-compatibility.md names as not passing, each with its reason."""
    return set(re.findall(r"`(tests/test_\w+\.py::[^`]+)`", EXCUSES.read_text()))


def _per_file(results: list[Result]) -> dict[str, tuple[int, int]]:
    total = Counter(result.test.split("::")[0] for result in results)
    passed = Counter(result.test.split("::")[0] for result in results if result.outcome == "passed")
    return {file: (passed[file], total[file]) for file in sorted(total)}


def _score(results: list[Result]) -> str:
    return f"{sum(result.outcome == 'passed' for result in results)} of {len(results)}"
