"""Byte ranges of HTTP (RFC 9110, section 14)."""

import re

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


class RangeNotSatisfiable(Exception):
    """The range starts past the end."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte (inclusive) of the one range asked for; None means the whole.

    Several ranges, other units and nonsense give the whole, as the standard allows.
    Raises RangeNotSatisfiable.
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise RangeNotSatisfiable
        return size - length, size - 1
    start, end = int(first), int(last) if last else size - 1
    if last and end < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable
    return start, min(end, size - 1)


def same_entity(header: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names this entity (weakly compared) or is `*`."""
    given = [word.strip().removeprefix("W/") for word in (header or "").split(",")]
    return "*" in given or etag in given
