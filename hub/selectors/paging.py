"""Pages of long lists by place, not by number: what comes or goes meanwhile shifts nothing.

A cursor names the last row that was shown. Clients get it as an opaque text and hand it back.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from common.compiled import Step, rows_of
from common.errors import Invalid

_LONG_AGO = 4000  # characters; no cursor of ours comes near


@dataclass(frozen=True)
class Page:
    """A stretch of a list, as it was read. `next` and `previous` are cursors, "" where the list ends."""

    rows: list[Any] = field(default_factory=list)
    next: str = ""
    previous: str = ""


@dataclass(frozen=True)
class Reading:
    """What is read of each row: an object as far as `step` narrows it, or the annotation `text` that it adds."""

    step: Step
    text: str = ""


def objects(*columns: str) -> Reading:
    """Repositories with these columns, or with all of them."""
    return Reading(Step(_only, (columns,)))


def by_column(
    listed: Sequence[Step], column: str, reading: Reading, *, size: int, after: str = "", before: str = ""
) -> Page:
    """The page after (or before) a place, greatest values first, ties by age. Raises Invalid for a bad cursor."""
    backwards = bool(before)
    steps = [*listed, reading.step]
    if after or before:
        steps.append(Step(_beyond, (column, backwards), _place(column, before or after)))
    found = rows_of([*steps, Step(_first, (column, backwards, size + 1, reading.text))])
    is_more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    return Page(
        [row[2] for row in found] if reading.text else found,
        next=_cursor(found[-1], column) if found and (is_more or backwards) else "",
        previous=_cursor(found[0], column) if found and (after or (backwards and is_more)) else "",
    )


def encode(place: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str) -> Any:
    """What `encode` was given. Raises Invalid."""
    try:
        return json.loads(base64.urlsafe_b64decode(cursor[:_LONG_AGO] + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError, binascii.Error) as error:
        raise bad_cursor() from error


def bad_cursor() -> Invalid:
    return Invalid("This cursor is not valid.", hint="Begin again without one.")


def is_number(value: Any) -> bool:
    """An integer that a column can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _only(rows: QuerySet[Any], columns: tuple[str, ...]) -> QuerySet[Any]:
    return rows.only(*columns)


def _first(rows: QuerySet[Any], column: str, backwards: bool, count: int, text: str) -> QuerySet[Any]:
    found = rows.order_by(*([column, "id"] if backwards else [f"-{column}", "-id"]))[:count]
    return found.values_list(column, "pk", text) if text else found


def _cursor(row: Any, column: str) -> str:
    value, pk = row[:2] if isinstance(row, tuple) else (getattr(row, column), row.pk)
    return encode([value if isinstance(value, int) else value.isoformat(), pk])


def _beyond(rows: QuerySet[Any], column: str, backwards: bool, value: Any, pk: int) -> QuerySet[Any]:
    word = "gt" if backwards else "lt"
    # The first condition repeats what the second implies: an index can start there.
    edge = Q(**{f"{column}__{word}e": value})
    return rows.filter(edge & (Q(**{f"{column}__{word}": value}) | Q(**{f"pk__{word}": pk})))


def _place(column: str, cursor: str) -> tuple[datetime | int, int]:
    """The value and key that a cursor names. Raises Invalid."""
    place = decode(cursor)
    if not isinstance(place, list) or len(place) != 2 or not is_number(place[1]):
        raise bad_cursor()
    return _value(column, place[0]), place[1]


def _value(column: str, given: Any) -> datetime | int:
    """A value of the column, as a cursor spells it. Raises Invalid."""
    if not column.endswith("_at"):
        if not is_number(given):
            raise bad_cursor()
        return int(given)
    try:
        value = datetime.fromisoformat(given)
    except (TypeError, ValueError) as error:
        raise bad_cursor() from error
    if value.tzinfo is None:
        raise bad_cursor()
    return value
