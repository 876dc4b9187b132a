"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compute.recipes.data.config import PicturesConfig
from compute.recipes.diffusion.config import DiffusionConfig, SamplingConfig, UNetConfig
from compute.recipes.training.config import RecipeConfig, SourceConfig


@dataclass(frozen=True)
class ModelConfig(UNetConfig):
    """`class`: a transformer told the class (DiT). `text`: a UNet told the caption; the keys of UNetConfig."""

    condition: Literal["class", "text"] = "class"
    patch: int = 2  # of latents, along a patch's side
    width: int = 128  # channels in the transformer
    blocks: int = 4
    block_heads: int = 4


@dataclass(frozen=True)
class Config(RecipeConfig):
    """From nothing on an `autoencoder`, or from a finished `base` of this `condition`: then no other key of `model`
    counts, nor `prediction`."""

    dataset: PicturesConfig = field(default_factory=PicturesConfig)
    base: SourceConfig = field(default_factory=SourceConfig)  # a DiTPipeline or LDMTextToImagePipeline, all of it
    autoencoder: SourceConfig = field(default_factory=SourceConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: DiffusionConfig = field(default_factory=DiffusionConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
