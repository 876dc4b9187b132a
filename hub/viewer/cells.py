"""Rows of Arrow as JSON: what can be shown of each cell, in bounds."""

import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from hub.viewer import features, media

LONGEST_TEXT = 10_000  # characters
MOST_ITEMS = 200
MOST_MEDIA = 4
_DEEPEST = 12

Keep = Callable[[media.Medium], int]


def rows_of(table: pa.Table, known: dict[str, Any], keep: Keep) -> list[dict[str, Any]]:
    """`{"row", "media", "truncated_cells"}` for each row.

    Pictures and sounds go to `keep`, which gives their number; they stand in `media` by column, and
    their cell in `row` is null.
    """
    plain = table.cast(pa.schema([field.with_type(_plain_type(field.type)) for field in table.schema]), safe=False)
    columns = [(name, known.get(name), plain.column(at).to_pylist()) for at, name in enumerate(plain.column_names)]
    return [_row([(name, feature, values[at]) for name, feature, values in columns], keep) for at in range(len(plain))]


def value_of(value: Any) -> tuple[Any, bool]:
    """A cell as JSON, and whether something was left out."""
    cutter = _Cutter()
    return cutter.json(value, 0), cutter.has_cut


def _row(cells: list[tuple[str, Any, Any]], keep: Keep) -> dict[str, Any]:
    row: dict[str, Any] = {}
    shown: dict[str, Any] = {}
    cut = []
    for name, feature, value in cells:
        found = _media_of(feature, value)
        if found:
            row[name] = None
            shown[name] = [
                {"part": keep(medium), "type": medium.type, "width": medium.width, "height": medium.height}
                for medium in found
            ]
            continue
        row[name], has_cut = value_of(value)
        if has_cut:
            cut.append(name)
    return {"row": row, "media": shown, "truncated_cells": cut}


def _media_of(feature: Any, value: Any) -> list[media.Medium]:
    """Also without a feature: `{bytes, path}` is how `datasets` keeps a file."""
    kind = features.item_of(feature)
    declared = kind.get("_type") if isinstance(kind, dict) else None
    items = value if isinstance(value, list) else [value]
    found = []
    for item in items[:MOST_MEDIA]:
        is_file = isinstance(item, dict) and set(item) in ({"bytes", "path"}, {"bytes"})
        data = item["bytes"] if is_file else item
        if not isinstance(data, bytes) or not (is_file or declared in {"Image", "Audio"}):
            continue
        medium = (media.sound(data) if declared != "Image" else None) or media.picture(data)
        if medium is not None:
            found.append(medium)
    return found


class _Cutter:
    """Makes JSON of values and notes whether it left something out."""

    def __init__(self) -> None:
        self.has_cut = False

    def json(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, str):
            return self._text(value)
        if depth > _DEEPEST:
            self.has_cut = True
            return "…"
        if isinstance(value, dict):
            return {self._text(str(key)): self.json(inner, depth + 1) for key, inner in self._few(list(value.items()))}
        if isinstance(value, list | tuple):
            return [self.json(inner, depth + 1) for inner in self._few(list(value))]
        return self._other(value)

    def _other(self, value: Any) -> str:
        if isinstance(value, bytes | bytearray | memoryview):
            self.has_cut = True
            return f"<{len(value)} bytes>"
        if isinstance(value, datetime | date | time):
            return value.isoformat()
        if isinstance(value, timedelta | Decimal):
            return str(value)
        return self._text(str(value))

    def _text(self, text: str) -> str:
        if len(text) > LONGEST_TEXT:
            self.has_cut = True
            text = text[:LONGEST_TEXT]
        return text.encode("utf-8", "replace").decode()

    def _few(self, items: list[Any]) -> list[Any]:
        if len(items) > MOST_ITEMS:
            self.has_cut = True
        return items[:MOST_ITEMS]


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """The same without time zones (their files cannot be opened here; what remains is UTC) and nanoseconds."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us")
    if pa.types.is_time64(kind):
        return pa.time64("us")
    if pa.types.is_duration(kind):
        return pa.duration("us")
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain_type(field.type)) for field in kind])
    if pa.types.is_large_list(kind):
        return pa.large_list(_plain_type(kind.value_type))
    if pa.types.is_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_plain_type(kind.value_type), kind.list_size)
    return kind
