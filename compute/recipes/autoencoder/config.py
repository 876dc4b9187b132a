"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compute.recipes.data.config import PicturesConfig
from compute.recipes.training.config import LoopConfig, RecipeConfig, SourceConfig


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the network. Each entry of `channels` after the first halves the sides once."""

    kind: Literal["kl", "vq"] = "kl"
    channels: tuple[int, ...] = (32, 64, 64)
    layers: int = 1  # residual blocks at each size
    groups: int = 8  # of the group norms
    attention: bool = False  # in the middle
    latent_channels: int = 4
    codes: int = 256  # of the codebook, kind vq
    discriminator_width: int = 32


@dataclass(frozen=True)
class TrainingConfig(LoopConfig):
    kl_weight: float = 1e-6  # kind kl
    codebook_weight: float = 1.0  # kind vq
    perceptual_weight: float = 0.1
    feature_steps: int = 150  # in which the features of the perceptual loss are learned
    adversarial_weight: float = 0.1  # times the weight that balances both gradients at the last layer
    discriminator_start: int = 500  # step; before it neither side is trained
    discriminator_rate: float = 1.0  # times the learning rate


@dataclass(frozen=True)
class Config(RecipeConfig):
    """From nothing, or from a finished `base`: then of `model` only `discriminator_width` counts."""

    dataset: PicturesConfig = field(default_factory=PicturesConfig)
    base: SourceConfig = field(default_factory=SourceConfig)  # an AutoencoderKL or VQModel
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
