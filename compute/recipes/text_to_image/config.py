"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from compute.recipes.configuration import as_plain
from compute.recipes.lineage import Credit
from compute.recipes.refusal import Refused
from compute.recipes.training.config import LoopConfig, PublishConfig, require_seed, require_sensible_loop, shaping


@dataclass(frozen=True)
class DatasetConfig:
    """Either `id`, a data set on the hub, or `path`, a local folder of the same layout."""

    id: str = ""
    path: str = ""
    revision: str = "main"  # branch, tag or commit; the exact commit goes on the card
    split: str = "train"
    image_column: str = "image"
    caption_column: str = "caption"
    without_caption: Literal["refuse", "empty"] = "refuse"  # what becomes of pictures that have none
    size: int = 32  # pixels; pictures are cropped to a square and scaled to it


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the network, or `base`: a trained pipeline of this recipe to start from."""

    base: str = ""  # hub id or folder; the sizes below are then read from it
    base_revision: str = "main"
    patch: int = 4  # pixels along a patch's side
    width: int = 128  # channels in the transformer
    layers: int = 4
    heads: int = 4
    text_width: int = 64
    text_layers: int = 2
    text_heads: int = 2
    max_tokens: int = 16  # of a prompt, with its start and end marks
    merges: int = 512  # learned pieces of words in the tokenizer


@dataclass(frozen=True)
class TrainingConfig(LoopConfig):
    """How it is trained."""

    optimizer: Literal["adamw", "muon"] = "muon"
    text_dropout: float = 0.1  # share of captions replaced by nothing, for guidance
    time_mean: float = 0.0  # of the logit-normal distribution of times
    time_deviation: float = 1.0
    time_shift: float = 1.0  # resolution shift, in training and in the saved scheduler
    padding: int = 256  # zero tokens that the stock pipeline shows for the silent third encoder


@dataclass(frozen=True)
class SamplingConfig:
    """Pictures made while training and for the card."""

    every: int = 300  # steps; 0 makes none
    prompts: tuple[str, ...] = ()  # none: captions from the data set
    count: int = 8
    steps: int = 12
    guidance: float = 2.0


@dataclass(frozen=True)
class EvaluationConfig:
    """How the finished model is judged; `shapes` reads the pixels of generated pictures."""

    checker: Literal["", "shapes"] = ""
    prompts: int = 64


@dataclass(frozen=True)
class Config:
    seed: int = 0
    output: str = "output"  # folder for checkpoints, samples, log and the finished model
    accept_dataset_licence: str = ""  # see compute.recipes.licences
    accept_base_licence: str = ""
    credits: tuple[Credit, ...] = ()
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    publish: PublishConfig = field(default_factory=PublishConfig)

    @property
    def folder(self) -> Path:
        return Path(self.output)


def require_sensible(config: Config) -> None:
    """Raises Refused for values that are of the right type and still cannot work."""
    data, model, training = config.dataset, config.model, config.training
    if bool(data.id) == bool(data.path):
        raise Refused("Set exactly one of 'dataset.id' (on the hub) and 'dataset.path' (a local folder).")
    require_seed(config.seed)
    for place, value in (
        ("dataset.size", data.size),
        ("model.patch", model.patch),
        ("model.heads", model.heads),
        ("model.text_heads", model.text_heads),
        ("sampling.count", config.sampling.count),
        ("sampling.steps", config.sampling.steps),
        ("evaluation.prompts", config.evaluation.prompts),
    ):
        if value < 1:
            raise Refused(f"{place!r} must be at least 1.")
    if data.size % model.patch:
        raise Refused(f"'dataset.size' ({data.size}) must be a multiple of 'model.patch' ({model.patch}).")
    if model.width % model.heads or model.text_width % model.text_heads:
        raise Refused("'model.width' must be a multiple of 'model.heads', and likewise for the text encoders.")
    if training.padding < 1:
        raise Refused("'training.padding' must be at least 1.")
    require_sensible_loop(training)


def shaping_facts(config: Config, dataset_revision: str) -> dict[str, Any]:
    """What shapes the weights: a checkpoint made with other facts is not gone on with."""
    plain = as_plain(config)
    return {
        "seed": config.seed,
        "dataset": [config.dataset.id, config.dataset.split, config.dataset.size, dataset_revision],
        "model": plain["model"],
        "training": shaping(plain["training"]),
    }
