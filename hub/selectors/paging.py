"""Pages of long lists by place, not by number: what comes or goes meanwhile shifts nothing.

A cursor names the last row that was shown. Clients get it as an opaque text and hand it back.
"""

import base64
import binascii
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from common.errors import Invalid
from hub.models import Repository

_LONG_AGO = 4000  # characters; no cursor of ours comes near


@dataclass(frozen=True)
class Page:
    """A stretch of a list. `next` and `previous` are cursors, "" where the list ends."""

    rows: list[Repository] = field(default_factory=list)
    next: str = ""
    previous: str = ""


def by_column(rows: QuerySet[Repository], column: str, *, size: int, after: str = "", before: str = "") -> Page:
    """The page after (or before) a place, greatest values first, ties by age. Raises Invalid for a bad cursor."""
    backwards = bool(before)
    if after or before:
        rows = rows.filter(_beyond(column, before or after, backwards=backwards))
    order = [column, "id"] if backwards else [f"-{column}", "-id"]
    found = list(rows.order_by(*order)[: size + 1])
    is_more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    return Page(
        found,
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


def _cursor(row: Repository, column: str) -> str:
    value = getattr(row, column)
    return encode([value if isinstance(value, int) else value.isoformat(), row.pk])


def _beyond(column: str, cursor: str, *, backwards: bool) -> Q:
    place = decode(cursor)
    if not isinstance(place, list) or len(place) != 2 or not is_number(place[1]):
        raise bad_cursor()
    value, pk = _value(column, place[0]), place[1]
    word = "gt" if backwards else "lt"
    # The first condition repeats what the second implies: an index can start there.
    edge = Q(**{f"{column}__{word}e": value})
    return edge & (Q(**{f"{column}__{word}": value}) | Q(**{f"pk__{word}": pk}))


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
