"""Many pictures out of a stock pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import LDMTextToImagePipeline
from PIL import Image

TOGETHER = 32  # in one call
LDM_FACTOR = 8


def asked_side(pipeline: Any, side: int) -> int:
    """What a stock pipeline is to be told so that it draws `side` pixels: one of them takes it that every autoencoder
    makes pictures eight times smaller."""
    if not isinstance(pipeline, LDMTextToImagePipeline):
        return side
    return side * LDM_FACTOR // int(pipeline.vae_scale_factor)


def placed(pipeline: Any, device: torch.device) -> Any:
    """The pipeline with all its networks on the device. Those that are there stay untouched: what is trained in shards
    cannot be moved, not even to where it is."""
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module) and part.device.type != device.type:
            part.to(device)
    return pipeline


def drawn(pipeline: Any, asked: Sequence[Any], *, seed: int, **options: Any) -> list[Image.Image]:
    """One for each, number i from noise of seed + i. The pipeline takes what is asked for first."""
    pictures: list[Image.Image] = []
    for start in range(0, len(asked), TOGETHER):
        some = list(asked[start : start + TOGETHER])
        noise = [torch.Generator().manual_seed(seed + start + place) for place in range(len(some))]
        pictures += pipeline(some, generator=noise, **options).images
    return pictures
