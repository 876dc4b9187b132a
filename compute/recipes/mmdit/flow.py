"""Rectified flow on latents: how noise is added, what is asked, which times are practised (arXiv 2403.03206)."""

from __future__ import annotations

import torch
from torch import Tensor

from compute.recipes.mmdit.config import FlowConfig
from compute.recipes.text_to_image.flow import draw_times


class Flow:
    """Times are in (0, 1), shape (n,): 0 is the picture, 1 is noise alone."""

    def __init__(self, config: FlowConfig) -> None:
        self._config = config

    def times(self, count: int, random: torch.Generator) -> Tensor:
        config = self._config
        return draw_times(
            count, mean=config.time_mean, deviation=config.time_deviation, shift=config.time_shift, random=random
        )

    def spread(self, count: int) -> Tensor:
        """Times spread evenly: for measuring, where chance would only blur."""
        return (torch.arange(count) + 0.5) / count

    def added(self, latents: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """The noisy latents, and the velocity that the network shall answer."""
        share = times.view(-1, 1, 1, 1)
        return (1.0 - share) * latents + share * noise, noise - latents

    def loss(self, answer: Tensor, target: Tensor, times: Tensor) -> Tensor:
        return (answer.float() - target).square().mean()
