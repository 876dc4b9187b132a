"""Every key that the recipe's YAML file may hold, with its unit and its default."""

from __future__ import annotations

from dataclasses import dataclass, field

from compute.recipes.data.config import PicturesConfig
from compute.recipes.training.config import LoopConfig, RecipeConfig, SourceConfig


@dataclass(frozen=True)
class NamedConfig(PicturesConfig):
    """`caption_column` names a thing, `mask_column` is white where it is, and all black where it is not there."""

    caption_column: str = "name"
    mask_column: str = "mask"


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the encoders of pictures and of names, and of the decoder that tells where."""

    space: int = 64  # numbers in what a name says to the decoder
    patch: int = 4  # pixels along a patch's side
    width: int = 64  # channels of the encoder of pictures
    layers: int = 3
    heads: int = 4
    text_width: int = 64
    text_layers: int = 2
    text_heads: int = 2
    max_tokens: int = 12
    merges: int = 512  # learned pieces of words in the tokenizer
    decoder_width: int = 64
    decoder_heads: int = 4
    seen: tuple[int, ...] = (0, 1, 2)  # the layers of the encoder of pictures that the decoder sees, from 0


@dataclass(frozen=True)
class Config(RecipeConfig):
    """From nothing, or from a finished `base`: then no key of `model` counts."""

    dataset: NamedConfig = field(default_factory=NamedConfig)
    base: SourceConfig = field(default_factory=SourceConfig)  # a CLIPSegForImageSegmentation with its processor
    model: ModelConfig = field(default_factory=ModelConfig)
    training: LoopConfig = field(default_factory=LoopConfig)
