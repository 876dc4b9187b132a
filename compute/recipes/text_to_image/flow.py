"""Rectified flow: what the model is asked, and how the answer is scored (arXiv 2403.03206)."""

from __future__ import annotations

import torch
from diffusers import SD3Transformer2DModel
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
    return velocity_loss(network.transformer, pictures, network.encode(tokens), noise, times)


def velocity_loss(
    transformer: SD3Transformer2DModel, latents: Tensor, said: tuple[Tensor, Tensor], noise: Tensor, times: Tensor
) -> Tensor:
    """The same for any latents; `said` are the states and the pooled vectors that the transformer hears."""
    t = times.view(-1, 1, 1, 1)
    noisy = (1.0 - t) * latents + t * noise
    error = velocity(transformer, noisy, times, said).float() - (noise - latents)
    return error.square().mean()


def velocity(transformer: SD3Transformer2DModel, noisy: Tensor, times: Tensor, said: tuple[Tensor, Tensor]) -> Tensor:
    """What the transformer answers to noisy latents at times (n,) in 0..1, where it hears `said`."""
    states, pooled = said
    answer: Tensor = transformer(
        hidden_states=noisy,
        timestep=times * TIMESTEPS,
        encoder_hidden_states=states,
        pooled_projections=pooled,
        return_dict=False,
    )[0]
    return answer
