"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field

from compute.recipes.data.config import PicturesConfig
from compute.recipes.diffusion.config import DiffusionConfig, SamplingConfig
from compute.recipes.training.config import RecipeConfig, SourceConfig


@dataclass(frozen=True)
class PairsConfig(PicturesConfig):
    """`image_column` holds the pictures as they shall become, `caption_column` what was asked."""

    image_column: str = "edited"
    caption_column: str = "instruction"
    original_column: str = "image"


@dataclass(frozen=True)
class TrainingConfig(DiffusionConfig):
    condition_dropout: float = 0.05  # share of rows whose instruction alone is replaced by nothing
    picture_dropout: float = 0.05  # share of rows whose original picture alone is
    both_dropout: float = 0.05  # share of rows of which neither is left


@dataclass(frozen=True)
class EditingConfig(SamplingConfig):
    picture_guidance: float = 1.5  # how closely the original is kept


@dataclass(frozen=True)
class Config(RecipeConfig):
    dataset: PairsConfig = field(default_factory=PairsConfig)
    # A plain Stable Diffusion, or what this recipe made before, to go on with.
    base: SourceConfig = field(default_factory=SourceConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    sampling: EditingConfig = field(default_factory=EditingConfig)
