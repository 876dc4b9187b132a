"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from compute.recipes.data.config import PicturesConfig
from compute.recipes.refusal import Refused
from compute.recipes.training.config import LoopConfig, RecipeConfig, SourceConfig


@dataclass(frozen=True)
class SquaresConfig(PicturesConfig):
    """Pictures with captions, cropped to squares: this network knows one size."""

    caption_column: str = "caption"
    multiple: int = 1


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of a transformer of this family, and of the two text encoders that are trained with it. None count with a
    finished base."""

    width: int = 128  # channels in the transformer
    layers: int = 4
    heads: int = 4
    text_width: int = 64
    text_layers: int = 2
    text_heads: int = 2
    max_tokens: int = 16  # of a prompt, with its start and end marks
    merges: int = 512  # learned pieces of words in the tokenizer


@dataclass(frozen=True)
class ModelConfig(NetworkConfig):
    patch: int = 4  # pixels along a patch's side


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
    """How pictures are drawn while training, for the card and for the checker."""

    prompts: tuple[str, ...] = ()  # none: captions of pictures that are not trained on
    steps: int = 12
    guidance: float = 2.0


@dataclass(frozen=True)
class EvaluationConfig:
    """How the finished model is judged; `shapes` reads the pixels of generated pictures."""

    checker: Literal["", "shapes"] = ""
    prompts: int = 64


@dataclass(frozen=True)
class Config(RecipeConfig):
    """From nothing, or from a finished `base`: then no key of `model` counts."""

    dataset: SquaresConfig = field(default_factory=SquaresConfig)
    base: SourceConfig = field(default_factory=SourceConfig)  # a model of this recipe, all of which is taken
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


def require_sensible(config: Config) -> None:
    """Raises Refused for values that are of the right type and still cannot work."""
    data, model = config.dataset, config.model
    for place, value in (
        ("dataset.size", data.size),
        ("model.patch", model.patch),
        ("model.heads", model.heads),
        ("model.text_heads", model.text_heads),
        ("validation.pictures", config.validation.pictures),
        ("sampling.steps", config.sampling.steps),
        ("evaluation.prompts", config.evaluation.prompts),
        ("training.padding", config.training.padding),
    ):
        if value < 1:
            raise Refused(f"{place!r} must be at least 1.")
    if not data.caption_column:
        raise Refused("Set 'dataset.caption_column': a model of text learns from captions.")
    if tuple(data.ratios) != (1.0,):
        raise Refused("This network knows one square size. Leave 'dataset.ratios' as it is, or train with `mmdit`.")
    if data.size % model.patch:
        raise Refused(f"'dataset.size' ({data.size}) must be a multiple of 'model.patch' ({model.patch}).")
    require_whole_heads(model)


def require_whole_heads(model: NetworkConfig) -> None:
    if model.width % model.heads or model.text_width % model.text_heads:
        raise Refused("'model.width' must be a multiple of 'model.heads', and likewise for the text encoders.")
