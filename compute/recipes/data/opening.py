"""The files of a row: within the table, or beside it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import datasets
import fsspec
from PIL import Image, ImageOps

from compute.recipes.hub import told_as_refusal
from compute.recipes.refusal import Refused

Row = dict[str, Any]


def file_columns(features: Mapping[str, Any] | None) -> list[str]:
    """The names of the columns that hold pictures and sounds."""
    return [name for name, kind in (features or {}).items() if isinstance(kind, datasets.Image | datasets.Audio)]


def with_files(row: Row, columns: Iterable[str]) -> Row:
    """The row with the bytes of files that its table names only by their paths, here or on the hub."""
    read = {name: _read(row[name]) for name in columns}
    return row | {name: value for name, value in read.items() if value}


def _read(value: Any) -> Row | None:
    if not isinstance(value, dict) or value.get("bytes") is not None or not value.get("path"):
        return None
    path = value["path"]
    with (
        told_as_refusal(f"The file {path} cannot be read", "Try the same command again."),
        fsspec.open(path, "rb") as file,
    ):
        return {"bytes": file.read(), "path": path}


def opened_picture(value: Any, *, column: str, row: int, split: str) -> Image.Image:
    """The picture in this column of row number `row` (from 0) of the split, undecoded, upright and in colours.

    Raises Refused for a row without one, and for what is damaged.
    """
    data = value.get("bytes") if isinstance(value, dict) else None
    advice = "Repair it, or take the row out of the data set: what a model is trained on is not left to chance."
    if not data:
        raise Refused(f"Row {row} of {split!r} has no picture in the column {column!r}. {advice}")
    try:
        with Image.open(io.BytesIO(data)) as opened:
            return ImageOps.exif_transpose(opened).convert("RGB")
    except Exception as error:  # decoders raise anything
        raise Refused(
            f"The picture in the column {column!r} of row {row} of {split!r} cannot be read: "
            f"{type(error).__name__}: {error}. {advice}"
        ) from error


def caption_of(value: Any, *, column: str, row: int, split: str, without: str) -> str:
    """What a row says of its picture. Raises Refused for one that says nothing, unless `without` is "empty"."""
    if value is not None:
        return str(value)
    if without == "empty":
        return ""
    raise Refused(
        f"Row {row} of {split!r} has no caption in the column {column!r}. Caption it, take the row out, or train "
        "such pictures without words: 'dataset.without_caption: empty'."
    )
