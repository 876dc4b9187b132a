"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compute.recipes.data.config import SoundsConfig
from compute.recipes.training.config import LoopConfig, RecipeConfig, SourceConfig


@dataclass(frozen=True)
class ModelConfig:
    """The middle attends too, at half of the shortest size. A size with fewer than two samples a period is deaf."""

    channels: tuple[int, ...] = (16, 32, 32, 64)  # at each size; from the second on each is half as long
    attention: int = 1  # how many of the shortest sizes attend; these and the one before: multiples of 32
    time_width: int = 16  # channels that tell how much noise there is


@dataclass(frozen=True)
class SoundTrainingConfig(LoopConfig):
    loudest: float = 0.0  # of 1: each crop is first made so loud at its loudest; 0 leaves it as loud as it is
    gain: float = 6.0  # decibels: each crop is made quieter by up to this much
    mirror: bool = True  # half of the crops upside down, and with their two channels swapped


@dataclass(frozen=True)
class SamplingConfig:
    """How sounds are made while training, for the card and for the spectral distance."""

    steps: int = 50
    judged: int = 0  # sounds made for the spectral distance and the checker at each validation; 0: none
    checker: Literal["", "tones"] = ""  # listens for the notes and chords of the data set of tones


@dataclass(frozen=True)
class Config(RecipeConfig):
    """From nothing, or from a finished `base`: then no key of `model` counts."""

    dataset: SoundsConfig = field(default_factory=SoundsConfig)
    base: SourceConfig = field(default_factory=SourceConfig)  # a DanceDiffusionPipeline
    model: ModelConfig = field(default_factory=ModelConfig)
    training: SoundTrainingConfig = field(default_factory=SoundTrainingConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
