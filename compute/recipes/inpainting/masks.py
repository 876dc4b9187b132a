"""Which part of a picture is hidden while the model learns to fill it."""

from __future__ import annotations

import torch
from torch import Tensor

from compute.recipes.inpainting.config import TrainingConfig

SMALLEST_SIDE = 0.2  # of the picture's
RIM = 16  # the rim that stays is a sixteenth of the side


def largest_side(progress: float, config: TrainingConfig) -> float:
    """How large a mask's side may be, as a share of the picture's, at this share of the training."""
    grown = min(1.0, progress / config.grown_by) if config.grown_by else 1.0
    return config.first_side + grown * (1.0 - config.first_side)


def drawn_masks(
    count: int, height: int, width: int, *, largest: float, whole: float, random: torch.Generator
) -> Tensor:
    """Masks (count, 1, height, width), 1 where the picture is hidden: boxes, or now and then all of it."""
    masks = torch.zeros(count, 1, height, width)
    shares = torch.rand(count, 5, generator=random).tolist()
    for mask, (high, wide, down, right, chance) in zip(masks, shares, strict=True):
        if chance < whole:
            mask.fill_(1.0)
            continue
        box = [
            round(side * (SMALLEST_SIDE + share * (largest - SMALLEST_SIDE)))
            for side, share in ((height, high), (width, wide))
        ]
        top, left = round(down * (height - box[0])), round(right * (width - box[1]))
        mask[:, top : top + box[0], left : left + box[1]] = 1.0
    return masks


def all_but_rims(count: int, height: int, width: int) -> Tensor:
    """Masks (count, 1, height, width) that hide all but a narrow rim, which tells the background."""
    masks = torch.zeros(count, 1, height, width)
    masks[:, :, height // RIM : height - height // RIM, width // RIM : width - width // RIM] = 1.0
    return masks
