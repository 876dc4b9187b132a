"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field

from compute.recipes.data.config import PicturesConfig
from compute.recipes.diffusion.config import DiffusionConfig, SamplingConfig, UNetConfig
from compute.recipes.training.config import RecipeConfig, SourceConfig


@dataclass(frozen=True)
class Config(RecipeConfig):
    """From nothing on an `autoencoder`, or from a finished `base`: then no key of `model` counts, nor `prediction`."""

    dataset: PicturesConfig = field(default_factory=PicturesConfig)
    base: SourceConfig = field(default_factory=SourceConfig)  # a StableDiffusionPipeline, all of which is taken
    autoencoder: SourceConfig = field(default_factory=SourceConfig)
    model: UNetConfig = field(default_factory=UNetConfig)
    training: DiffusionConfig = field(default_factory=DiffusionConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
