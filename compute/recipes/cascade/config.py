"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compute.recipes.data.config import PicturesConfig
from compute.recipes.diffusion.config import DiffusionConfig, SamplingConfig
from compute.recipes.training.config import RecipeConfig, SourceConfig


@dataclass(frozen=True)
class ModelConfig:
    """`base` draws from text, with a text encoder of its own or that of `text`. `super_resolution` enlarges what
    the stage in `base` draws, with the text encoder of that."""

    stage: Literal["base", "super_resolution"] = "base"
    small: int = 16  # pixels: side of what `super_resolution` enlarges to `dataset.size`
    channels: tuple[int, ...] = (32, 64)  # at each size; the last attends to the text
    layers: int = 1  # residual blocks at each size
    head_width: int = 16  # channels of a head
    groups: int = 8
    text_width: int = 64
    text_layers: int = 2
    text_heads: int = 4
    words: int = 512  # commonest words that have a token of their own; others are spelt


@dataclass(frozen=True)
class TrainingConfig(DiffusionConfig):
    # Noise as the answer, divided by the little signal of the first steps, throws off the colours of whole pictures.
    prediction: Literal["epsilon", "v_prediction"] = "v_prediction"
    min_snr: float = 0.0
    time_shift: float = 1.0  # more than 1 practises times of much noise more often
    train_text: bool = True  # of a base stage; one from `text` stays as it is, and that of `super_resolution` too
    noisiest: int = 1000  # of 1000: the small picture is shown at levels of noise below it


@dataclass(frozen=True)
class CascadeSamplingConfig(SamplingConfig):
    noise_level: int = 100  # of 1000: how noisy the small picture is made before it is enlarged
    enlarged: int = 16  # pictures that the peak signal-to-noise ratio is measured on


@dataclass(frozen=True)
class Config(RecipeConfig):
    dataset: PicturesConfig = field(default_factory=PicturesConfig)
    base: SourceConfig = field(default_factory=SourceConfig)  # the finished stage that is enlarged
    # A stage of the same kind to go on with, all of which is taken: the keys of `model` but `stage` and `small` do not
    # count then, nor `prediction`.
    earlier: SourceConfig = field(default_factory=SourceConfig)
    text: SourceConfig = field(default_factory=SourceConfig)  # a finished T5 encoder, which stays as it is
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    sampling: CascadeSamplingConfig = field(default_factory=CascadeSamplingConfig)
