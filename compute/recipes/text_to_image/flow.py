"""Rectified flow: what the model is asked, and how the answer is scored (arXiv 2403.03206)."""

from __future__ import annotations

import torch
from torch import Tensor

from compute.recipes.text_to_image.model import Network

TIMESTEPS = 1000.0  # the transformer is told the time in thousandths, as the stock scheduler does


def draw_times(count: int, *, mean: float, deviation: float, shift: float, random: torch.Generator) -> Tensor:
    """Times in (0, 1), shape (count,): logit-normal, then the resolution shift s*t/(1+(s-1)*t)."""
    normal = torch.randn(count, generator=random)
    times = torch.sigmoid(normal * deviation + mean)
    return shift * times / (1.0 + (shift - 1.0) * times)


def flow_loss(network: Network, pictures: Tensor, tokens: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """Mean squared error of the predicted velocity, a scalar.

    `pictures` and `noise`: (batch, 3, height, width), pictures in -1..1; `tokens`:
    (batch, length); `times`: (batch,). x_t = (1 - t) x_0 + t e, and the target is e - x_0.
    """
    t = times.view(-1, 1, 1, 1)
    noisy = (1.0 - t) * pictures + t * noise
    states, pooled = network.encode(tokens)
    velocity = network.transformer(
        hidden_states=noisy,
        timestep=times * TIMESTEPS,
        encoder_hidden_states=states,
        pooled_projections=pooled,
        return_dict=False,
    )[0]
    error = velocity.float() - (noise - pictures)
    return error.square().mean()
