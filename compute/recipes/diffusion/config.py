"""The keys that all diffusion recipes on latents share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compute.recipes.training.config import LoopConfig


@dataclass(frozen=True)
class DiffusionConfig(LoopConfig):
    prediction: Literal["epsilon", "v_prediction"] = "epsilon"
    min_snr: float = 5.0  # bound of the weight of a time by its signal-to-noise ratio; 0 weighs all alike
    condition_dropout: float = 0.1  # share of conditions replaced by nothing, for guidance


@dataclass(frozen=True)
class SamplingConfig:
    """How pictures are drawn while training, for the card and for the checker."""

    steps: int = 20
    guidance: float = 3.0
    checker: Literal["", "shapes"] = ""  # reads the pixels of drawn pictures
    checked: int = 32  # pictures drawn for the checker


@dataclass(frozen=True)
class UNetConfig:
    """Sizes of the UNet and of the text encoder trained with it."""

    channels: tuple[int, ...] = (32, 64)
    layers: int = 1  # residual blocks at each size
    heads: int = 4
    groups: int = 8
    text_width: int = 64
    text_layers: int = 2
    text_heads: int = 2
    max_tokens: int = 16
    merges: int = 512  # learned pieces of words in the tokenizer
