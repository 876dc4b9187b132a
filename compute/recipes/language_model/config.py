"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field

from compute.recipes.data.config import DatasetConfig
from compute.recipes.training.config import LoopConfig, RecipeConfig, SourceConfig


@dataclass(frozen=True)
class TextConfig(DatasetConfig):
    text_column: str = "text"


@dataclass(frozen=True)
class ModelConfig:
    """`base`: a trained model of this architecture to go on from; without one the sizes below."""

    base: SourceConfig = field(default_factory=SourceConfig)
    width: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 64  # tokens
    vocabulary: int = 512  # tokens that are learned from the texts, bytes included


@dataclass(frozen=True)
class Config(RecipeConfig):
    dataset: TextConfig = field(default_factory=TextConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: LoopConfig = field(default_factory=LoopConfig)
