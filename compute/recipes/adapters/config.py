"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compute.recipes.data.config import PicturesConfig
from compute.recipes.diffusion.config import DiffusionConfig, SamplingConfig
from compute.recipes.training.config import RecipeConfig, SourceConfig

FIRST_SEED = 50_000  # of class pictures
CHECKED_SEED = 1_000  # of pictures for the checker
STREAM = 12  # of chance, for the rows of class pictures


@dataclass(frozen=True)
class SubjectConfig(PicturesConfig):
    prompt: str = ""  # what every picture is called, in place of captions: "a sks dog", "a <dog>"


@dataclass(frozen=True)
class AdapterConfig:
    """`lora` learns the pictures as captioned; `dreambooth` one subject, and keeps to what its class was;
    `textual_inversion` one new word and nothing else. The last two need `dataset.prompt`."""

    method: Literal["lora", "dreambooth", "textual_inversion"] = "lora"
    rank: int = 8  # of LoRA's matrices
    alpha: int = 8  # LoRA's scale, times 1 / rank
    class_prompt: str = ""  # dreambooth: what the subject is one of, "a dog"
    class_pictures: int = 64  # dreambooth: drawn by the base model before training
    prior_weight: float = 1.0  # dreambooth: of the loss on those
    word: str = "<subject>"  # textual_inversion: the new word
    like: str = ""  # textual_inversion: a word whose vector it begins with


@dataclass(frozen=True)
class TrainingConfig(DiffusionConfig):
    condition_dropout: float = 0.0
    time_mean: float = 0.0  # of the logit-normal times, for bases with rectified flow
    time_deviation: float = 1.0


@dataclass(frozen=True)
class Config(RecipeConfig):
    dataset: SubjectConfig = field(default_factory=SubjectConfig)
    base: SourceConfig = field(default_factory=SourceConfig)
    # An adapter to go on with: a LoRA of the same rank, alpha and layers, or a learned word; `adapter.like` does not
    # count then.
    earlier: SourceConfig = field(default_factory=SourceConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
