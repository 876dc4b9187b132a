"""Proof that the books balance: every room registers what must hold, `manage.py audit` runs it all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import transaction

Auditor = Callable[[], list[str]]
_auditors: dict[str, Auditor] = {}


@dataclass(frozen=True)
class Finding:
    """One invariant and the sentences that say where it is broken (none when it holds)."""

    name: str
    violations: list[str]


def auditor(name: str) -> Callable[[Auditor], Auditor]:
    """Register a function that returns a sentence for each violation of the invariant `name`."""

    def register(function: Auditor) -> Auditor:
        _auditors[name] = function
        return function

    return register


def run_all() -> Iterator[Finding]:
    """Each auditor sees one consistent snapshot and cannot write."""
    for name, function in sorted(_auditors.items()):
        with transaction.atomic():
            with transaction.get_connection().cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            finding = Finding(name, function())
        yield finding
