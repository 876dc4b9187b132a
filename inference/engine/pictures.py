"""Finished pictures, rounded to bytes where they were made: a quarter of what would cross over otherwise."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch import Tensor


def gives_tensors(pipeline: Any) -> bool:
    """Whether the stock pipeline can leave a picture as it was decoded, with nothing of its own after that."""
    has_decoder = hasattr(pipeline, "vae") and hasattr(pipeline, "image_processor")
    return has_decoder and getattr(pipeline, "watermarker", None) is None


def picture_of(image: Any) -> Any:
    """`image` as the stock pipeline makes a picture of it: (channels, height, width) from 0 to 1, or one already."""
    if not isinstance(image, Tensor):
        return image
    pixels = (image.float() * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
