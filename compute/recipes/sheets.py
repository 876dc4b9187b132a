"""Sheets of pictures, for cards and for those who watch a training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SMALLEST_TILE = 128  # pixels: tiny pictures are shown enlarged, pixel by pixel
COLUMNS = 8


def contact_sheet(pictures: Sequence[Image.Image], *, columns: int = COLUMNS) -> Image.Image:
    """The pictures, all of one size, side by side, row by row, small ones enlarged."""
    width, height = pictures[0].size
    times = max(1, SMALLEST_TILE // width)
    width, height = width * times, height * times
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    for index, picture in enumerate(pictures):
        enlarged = picture.resize((width, height), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (index % columns * width, index // columns * height))
    return sheet


def as_images(pictures: Tensor) -> list[Image.Image]:
    """Pictures (n, 3, height, width) in -1..1."""
    pixels = ((pictures.float() + 1.0) * 127.5).round().clamp(0, 255).byte()
    return [Image.fromarray(each) for each in pixels.permute(0, 2, 3, 1).cpu().numpy()]


def as_pixels(images: Sequence[Image.Image]) -> Tensor:
    """Images of one size as pixels (n, 3, height, width) uint8."""
    pixels = np.stack([np.array(image.convert("RGB")) for image in images])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)
