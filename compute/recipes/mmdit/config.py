"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compute.recipes.data.config import PicturesConfig
from compute.recipes.diffusion.config import SamplingConfig
from compute.recipes.text_to_image.config import NetworkConfig
from compute.recipes.training.config import LoopConfig, RecipeConfig, SourceConfig


@dataclass(frozen=True)
class ModelConfig(NetworkConfig):
    """Those of the text encoders do not count with `text`."""

    patch: int = 2  # latents along a patch's side
    reach: int = 2  # times `dataset.size`: the largest side that it knows places for, also in later training


@dataclass(frozen=True)
class FlowConfig(LoopConfig):
    """How it is trained."""

    optimizer: Literal["adamw", "muon"] = "adamw"
    time_mean: float = 0.0  # of the logit-normal distribution of times
    time_deviation: float = 1.0
    time_shift: float = 1.0  # resolution shift, in training and in the saved scheduler
    # Share of pictures of which no encoder hears the caption. Each encoder misses captions by itself, so often that
    # all do this often.
    condition_dropout: float = 0.1


@dataclass(frozen=True)
class Config(RecipeConfig):
    """From nothing on an `autoencoder`, with encoders of its own or those of `text`; or from a finished `base`."""

    dataset: PicturesConfig = field(default_factory=PicturesConfig)
    base: SourceConfig = field(default_factory=SourceConfig)  # a StableDiffusion3Pipeline, all of which is taken
    autoencoder: SourceConfig = field(default_factory=SourceConfig)
    text: SourceConfig = field(default_factory=SourceConfig)  # a StableDiffusion3Pipeline, of which encoders are taken
    model: ModelConfig = field(default_factory=ModelConfig)
    training: FlowConfig = field(default_factory=FlowConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
