"""From how much noise a student draws, and how much is added before its pictures are looked at."""

from __future__ import annotations

import torch
from torch import Tensor

from compute.recipes.distillation.config import TrainingConfig


def drawn_places(count: int, steps: int, progress: float, config: TrainingConfig, random: torch.Generator) -> Tensor:
    """For each of `count` rows the step, 0 (pure noise) to `steps` - 1, that the student learns to take.

    The step from pure noise is the hardest and decides most: it is learned alone at first, and
    more often than others after.
    """
    places = torch.randint(steps, (count,), generator=random)
    from_noise = torch.rand(count, generator=random) < config.whole_noise
    if progress < config.first_times:
        return torch.zeros_like(places)
    return torch.where(from_noise, 0, places)
