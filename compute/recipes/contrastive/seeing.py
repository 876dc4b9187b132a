"""How an encoder is shown pictures: at its side, in its colours."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused

HALF = [0.5, 0.5, 0.5]  # takes pixels of 0..1 to -1..1


def shown(pictures: Tensor, processor: Any) -> Tensor:
    """Pictures of -1..1 in the colours that the stock processor gives."""
    mean, deviation = (torch.tensor(part).view(3, 1, 1) for part in (processor.image_mean, processor.image_std))
    return ((pictures + 1.0) / 2.0 - mean) / deviation


def require_side(base: Source, processor: Any, size: int) -> None:
    """Raises Refused for pictures of another size than the base's processor gives."""
    side = (getattr(processor, "crop_size", None) or processor.size)["height"]
    if side != size:
        raise Refused(f"{base.id} sees pictures of {side} pixels. Set 'dataset.size' to that.")
