"""A picture of a row, whatever its file is."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageOps

from compute.recipes.refusal import Refused


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
