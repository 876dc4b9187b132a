"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field

from compute.recipes.data.config import PicturesConfig
from compute.recipes.diffusion.config import DiffusionConfig, SamplingConfig
from compute.recipes.training.config import RecipeConfig, SourceConfig


@dataclass(frozen=True)
class TrainingConfig(DiffusionConfig):
    """Masks are boxes. At first their sides are at most `first_side` of the picture's, later at most all of it."""

    first_side: float = 0.4
    grown_by: float = 0.5  # share of training after which the largest sides are allowed
    whole: float = 0.1  # share of pictures that are masked whole: the model must not forget to draw


@dataclass(frozen=True)
class Config(RecipeConfig):
    dataset: PicturesConfig = field(default_factory=PicturesConfig)
    # A plain Stable Diffusion, or what this recipe made before, to go on with.
    base: SourceConfig = field(default_factory=SourceConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
