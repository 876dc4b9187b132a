"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field

from compute.recipes.data.config import PicturesConfig
from compute.recipes.training.config import LoopConfig, RecipeConfig, SourceConfig


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the two encoders and of the space in which they meet."""

    space: int = 64  # numbers in a vector
    patch: int = 4  # pixels along a patch's side
    width: int = 64  # channels of the encoder of pictures
    layers: int = 3
    heads: int = 4
    text_width: int = 64
    text_layers: int = 2
    text_heads: int = 2
    max_tokens: int = 16
    merges: int = 512  # learned pieces of words in the tokenizer


@dataclass(frozen=True)
class TrainingConfig(LoopConfig):
    temperature: float = 0.07  # by which similarities are divided


@dataclass(frozen=True)
class Config(RecipeConfig):
    """From nothing, or from a finished `base`: then no key of `model` counts, nor `temperature`: it brings its own."""

    dataset: PicturesConfig = field(default_factory=PicturesConfig)
    base: SourceConfig = field(default_factory=SourceConfig)  # a CLIPModel with its processor
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
