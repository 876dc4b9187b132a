"""The diffusion of latents: how noise is added, what is asked, how answers are weighed."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from compute.recipes.diffusion.config import DiffusionConfig

TIMES = 1000


def build_scheduler(config: DiffusionConfig) -> DDIMScheduler:
    """The schedule of Stable Diffusion, saved with the model.

    For a velocity it ends in noise alone, and drawing begins there (arXiv 2305.08891): else the first step finds in
    pure noise the large flat colours that the last time of training still showed.
    """
    from_noise_alone = config.prediction == "v_prediction"  # noise as the answer would say nothing there
    return DDIMScheduler(
        num_train_timesteps=TIMES,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=config.prediction,
        rescale_betas_zero_snr=from_noise_alone,
        timestep_spacing="trailing" if from_noise_alone else "leading",
    )


class Noise:
    """Adds noise as the scheduler will take it away."""

    def __init__(self, scheduler: Any, config: DiffusionConfig) -> None:
        self._scheduler = scheduler
        self._config = config
        # The configuration of a base model decides what its network answers.
        self._is_velocity = scheduler.config.prediction_type == "v_prediction"

    def times(self, count: int, random: torch.Generator) -> Tensor:
        return drawn_times(count, random)

    def spread(self, count: int) -> Tensor:
        return spread_times(count)

    def added(self, latents: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """The noisy latents, and what the network shall answer to them."""
        noisy = self._scheduler.add_noise(latents, noise, times)
        target = self._scheduler.get_velocity(latents, noise, times) if self._is_velocity else noise
        return noisy, target

    def loss(self, answer: Tensor, target: Tensor, times: Tensor) -> Tensor:
        """Mean squared error, times of little noise bounded in weight (min-SNR, arXiv 2303.09556)."""
        error = (answer.float() - target).square().mean(dim=(1, 2, 3))
        if self._config.min_snr:
            signal = self._scheduler.alphas_cumprod.to(times.device)[times]
            ratio = signal / (1.0 - signal)
            bounded = ratio.clamp(max=self._config.min_snr)
            error = error * (bounded / (ratio + 1.0) if self._is_velocity else bounded / ratio)
        return error.mean()


def drawn_times(count: int, random: torch.Generator) -> Tensor:
    return torch.randint(TIMES, (count,), generator=random)


def shifted_times(count: int, shift: float, random: torch.Generator) -> Tensor:
    """Times with more of them where there is much noise, the larger the shift (arXiv 2403.03206); with 1 all alike."""
    share = torch.rand(count, generator=random)
    return (TIMES * shift * share / (1.0 + (shift - 1.0) * share)).long().clamp(max=TIMES - 1)


def spread_times(count: int) -> Tensor:
    """Times spread evenly: for measuring, where chance would only blur."""
    return ((torch.arange(count) + 0.5) * TIMES / count).long()
