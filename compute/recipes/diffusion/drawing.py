"""Many pictures out of a stock pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

TOGETHER = 32  # in one call


def drawn(pipeline: Any, asked: Sequence[Any], *, seed: int, **options: Any) -> list[Image.Image]:
    """One for each, number i from noise of seed + i. The pipeline takes what is asked for first."""
    pictures: list[Image.Image] = []
    for start in range(0, len(asked), TOGETHER):
        some = list(asked[start : start + TOGETHER])
        noise = [torch.Generator().manual_seed(seed + start + place) for place in range(len(some))]
        pictures += pipeline(some, generator=noise, **options).images
    return pictures
