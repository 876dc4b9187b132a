"""How noise is added to sounds, at which times that is practised, and what an error costs there."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def noised(sounds: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """The noisy sounds and their velocity; a time of 1 is noise alone."""
    signal, level = (part[:, None, None] for part in _parts(times))
    return sounds * signal + noise * level, noise * signal - sounds * level


def drawn_times(count: int, random: torch.Generator) -> Tensor:
    """As often as the stock scheduler passes them: the share of noise is the square of a sine."""
    level = torch.sin(torch.rand(count, generator=random) * math.pi / 2) ** 2
    return torch.atan2(level, (1.0 - level**2).sqrt()) * 2 / math.pi


def weights(times: Tensor, deviation: float) -> Tensor:
    """What makes the errors at all times alike, of a network that knows how loud sounds are and nothing else.

    Sounds are far quieter than noise. An answer to little noise is then wrong by about one, and an answer to much
    noise by the loudness squared, a hundredth of it: unweighed, next to nothing is learned of what decides a sound.
    """
    signal, level = _parts(times)
    loudness = deviation**2
    return (signal**2 * loudness + level**2) / loudness


def _parts(times: Tensor) -> tuple[Tensor, Tensor]:
    return torch.cos(times * math.pi / 2), torch.sin(times * math.pi / 2)
