"""The keys of a recipe's `dataset` section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compute.recipes.refusal import Refused

SOUND_ENDINGS = (".wav", ".flac", ".mp3", ".ogg")


@dataclass(frozen=True)
class DatasetConfig:
    """Either `id`, a data set on the hub, or `path`, a local folder of Parquet files or, for sounds, of sounds."""

    id: str = ""
    path: str = ""
    revision: str = "main"  # branch, tag or commit; the exact commit goes on the card
    split: str = "train"
    test_split: str = "test"  # what the metrics are measured on; empty: the first `most_test` rows of `split`,
    # which are then not trained on
    most: int = 0  # rows trained on; 0: all
    most_test: int = 256  # rows measured on; 0: all


@dataclass(frozen=True)
class Part:
    """Up to `most` rows (0: all) of a split, from number `start`, before number `end` (0: to the last)."""

    split: str
    most: int
    start: int = 0
    end: int = 0


def part_of(config: DatasetConfig, *, test: bool) -> Part:
    """What is trained on, or what is measured on."""
    if config.test_split:
        return Part(config.test_split, config.most_test) if test else Part(config.split, config.most)
    held_back = config.most_test
    return Part(config.split, 0, end=held_back) if test else Part(config.split, config.most, start=held_back)


def none_left(config: DatasetConfig) -> str:
    """What to do where a part turned out to be empty."""
    if config.test_split:
        return "Check the names of its splits and its opt-outs."
    return (
        f"Without 'dataset.test_split' its first {config.most_test} rows are held back: "
        "set 'dataset.most_test' to fewer."
    )


@dataclass(frozen=True)
class PicturesConfig(DatasetConfig):
    """Pictures with captions or classes."""

    image_column: str = "image"
    caption_column: str = ""
    without_caption: Literal["refuse", "empty"] = "refuse"  # what becomes of pictures that have none
    class_columns: tuple[str, ...] = ()  # together they name the class of a picture
    size: int = 32  # pixels: the side of a square, or of one with the area of the other buckets
    ratios: tuple[float, ...] = (1.0,)  # width / height of the buckets; a picture goes to the nearest
    multiple: int = 8  # pixels: sides of buckets are multiples


@dataclass(frozen=True)
class SoundsConfig(DatasetConfig):
    """Sounds in WAV, FLAC, MP3 or Ogg: a column of Parquet, or files below folders that are named like the splits."""

    audio_column: str = "audio"
    sample_rate: int = 16_000  # Hz; sounds of other rates are resampled
    channels: int = 1  # 1 or 2; others are mixed or doubled
    length: int = 65_536  # samples of a crop; shorter sounds are filled up with silence


def require_one_place(config: DatasetConfig) -> None:
    """Raises Refused unless the data are in exactly one place."""
    if bool(config.id) == bool(config.path):
        raise Refused("Set exactly one of 'dataset.id' (on the hub) and 'dataset.path' (a local folder).")
    if config.most < 0 or config.most_test < 0:
        raise Refused("'dataset.most' and 'dataset.most_test' are numbers of rows: 0 or more.")
    if not config.test_split and not config.most_test:
        raise Refused("Without 'dataset.test_split', 'dataset.most_test' says how many rows are held back. Set it.")
