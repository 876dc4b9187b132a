"""Statements: what a person earned in a closing, as bytes that can be checked for ever."""

import hashlib
from collections import defaultdict
from typing import Any

from common import signing
from revenue.models import MonthClose, ShareAllocation, Statement


def issue(close: MonthClose, *, repaid: dict[int, int], frozen: dict[int, int]) -> list[Statement]:
    """Write and sign the statement of every person who got something in this closing."""
    rows = [
        _signed(close, person, lines, repaid.get(person, 0), frozen.get(person, 0))
        for person, lines in sorted(lines_of(close).items())
    ]
    return Statement.objects.bulk_create(rows, batch_size=1000)


def lines_of(close: MonthClose) -> dict[int, list[dict[str, Any]]]:
    """The lines of everybody's statement, by person, in one order."""
    rows = (
        ShareAllocation.objects.filter(closed_line__close=close, beneficiary__isnull=False)
        .order_by("id")
        .values_list(
            "beneficiary_id",
            "closed_line__line_id",
            "closed_line__line__kind",
            "asset",
            "role",
            "closed_line__base",
            "weight",
            "amount",
        )
    )
    names = ("line", "kind", "asset", "role", "base", "weight", "amount")
    people: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for person, *values in rows:
        assert person is not None
        people[person].append(dict(zip(names, values, strict=True)))
    for lines in people.values():
        lines.sort(key=lambda line: (line["line"], line["asset"]))
    return people


def compose(close: MonthClose, person: int, lines: list[dict[str, Any]], repaid: int, frozen: int) -> str:
    """The canonical JSON of a statement: amounts in micros, weights in parts of 10^12.

    It holds nothing that may change later, such as a name, so it can be made again any time.
    """
    amount = sum(line["amount"] for line in lines)
    body = {
        "type": "wellspring.statement.v1",
        "number": number_of(close, person),
        "beneficiary": person,
        "currency": close.currency,
        "period": {
            "year": close.year,
            "month": close.month,
            "sequence": close.sequence,
            "after": None if close.opened_after is None else close.opened_after.isoformat(),
            "through": close.closed_through.isoformat(),
        },
        "rule": {"name": close.rule, "sha256": close.rule_sha256},
        "closing": {
            "net": close.net,
            "pool": close.pool,
            "creators": close.creators,
            "awards": close.awards,
            "beneficiaries": close.beneficiaries,
            "inputs_sha256": close.inputs_sha256,
        },
        "lines": lines,
        "amount": amount,
        "repaid": repaid,
        "pending": amount - repaid - frozen,
        "due_at": close.due_at.isoformat(),
    }
    if frozen:
        body["frozen"] = frozen
    return signing.canonical(body).decode()


def claims_of(number: str, sha256: str) -> dict[str, Any]:
    """What the signature over a statement says."""
    return {"type": "wellspring.statement.v1", "sub": number, "sha256": sha256}


def number_of(close: MonthClose, person: int) -> str:
    return f"{close.period}-{close.currency}-{person}"


def _signed(close: MonthClose, person: int, lines: list[dict[str, Any]], repaid: int, frozen: int) -> Statement:
    body = compose(close, person, lines, repaid, frozen)
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    return Statement(
        close=close,
        beneficiary_id=person,
        amount=sum(line["amount"] for line in lines),
        repaid=repaid,
        body=body,
        sha256=sha256,
        signature=signing.sign(claims_of(number_of(close, person), sha256)),
    )
