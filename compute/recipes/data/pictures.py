"""Pictures on disk, in buckets: streamed once, then read at any place without filling memory."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.configuration import as_plain
from compute.recipes.data.buckets import Size, bucket_sizes, fitted, nearest
from compute.recipes.data.config import PicturesConfig, none_left, part_of
from compute.recipes.data.facts import DatasetFacts
from compute.recipes.data.opening import Row, caption_of, opened_picture
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.data.rows import stream
from compute.recipes.refusal import Refused

INDEX = "index.json"
LEAST_APART = 0.03  # of the logarithm of width to height; rounding to whole pixels stays below
LOOKED_AT = 16  # pictures of a data set, to see of what kind they are


@dataclass(frozen=True)
class Bucket:
    """Pictures of one size: `pixels` (n, 3, height, width) uint8, on disk; `classes` (n,) places in the names."""

    pixels: Tensor
    captions: list[str]
    classes: Tensor

    def __len__(self) -> int:
        return len(self.captions)

    def pictures(self, rows: Tensor) -> Tensor:
        """The pictures of these rows in -1..1."""
        return self.pixels[rows].float() / 127.5 - 1.0


@dataclass(frozen=True)
class Pictures:
    buckets: list[Bucket]
    class_names: list[str]

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self.buckets)

    @property
    def captions(self) -> list[str]:
        return [caption for bucket in self.buckets for caption in bucket.captions]


def load_pictures(
    config: PicturesConfig,
    facts: DatasetFacts,
    left_out: LeftOut,
    folder: Path,
    *,
    test: bool = False,
    beside: str = "",
) -> Pictures:
    """The split's pictures, from `folder` when they are there already, else streamed into it first.

    Each must have the shape of the one in the column `beside`, if that is given: both are cropped alike.
    """
    part = part_of(config, test=test)
    plain = as_plain(config)
    for place in ("id", "path", "revision", "test_split", "most_test"):
        plain.pop(place)
    key = fingerprint_of([facts.source.id, facts.source.revision, *astuple(part), plain, left_out.plain()])
    cache = folder / f"pictures-{key}"
    if not cache.exists():
        named = (config.image_column, config.caption_column, *config.class_columns, beside)
        columns = tuple(dict.fromkeys(name for name in named if name))
        _write(cache, stream(config, facts, part, left_out, columns=columns), config, part.split, beside)
    return _read(cache)


def _write(cache: Path, rows: Iterable[tuple[int, Row]], config: PicturesConfig, split: str, beside: str) -> None:
    """Whole or absent: what was cut off is written anew."""
    sizes = bucket_sizes(config.size, config.ratios, config.multiple)
    writing = cache.with_name("." + cache.name)
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    captions: list[list[str]] = [[] for _ in sizes]
    classes: list[list[str]] = [[] for _ in sizes]
    with ExitStack() as stack:
        files = [stack.enter_context((writing / f"{place}.rgb").open("wb")) for place in range(len(sizes))]
        for number, row in rows:
            image = opened_picture(row[config.image_column], column=config.image_column, row=number, split=split)
            if beside:
                other = opened_picture(row[beside], column=beside, row=number, split=split)
                _require_alike(image, other, f"{config.image_column!r} and {beside!r} of row {number} of {split!r}")
            place = nearest(sizes, *image.size)
            pixels = np.asarray(fitted(image, sizes[place]))
            files[place].write(np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes())
            captions[place].append(_caption(row, config, number, split))
            classes[place].append(" ".join(str(row[column]) for column in config.class_columns))
    if not any(captions):
        raise Refused(f"The data set has no pictures left in {split!r}. {none_left(config)}")
    index = {"sizes": sizes, "captions": captions, "classes": classes}
    (writing / INDEX).write_text(json.dumps(index), encoding="utf-8")
    writing.rename(cache)


def _require_alike(one: Image.Image, other: Image.Image, which: str) -> None:
    """Raises Refused for pictures of one row that would be cropped apart."""
    if abs(math.log(one.width / one.height * other.height / other.width)) > LEAST_APART:
        raise Refused(
            f"The pictures in {which} have different shapes, {one.width} by {one.height} and {other.width} by "
            f"{other.height}: what lies at one place in one lies elsewhere in the other. Make them alike."
        )


def _caption(row: Row, config: PicturesConfig, number: int, split: str) -> str:
    column = config.caption_column
    if not column:
        return ""
    return caption_of(row[column], column=column, row=number, split=split, without=config.without_caption)


def _read(cache: Path) -> Pictures:
    index = json.loads((cache / INDEX).read_text(encoding="utf-8"))
    names = sorted({name for names in index["classes"] for name in names})
    buckets = []
    for place, (width, height) in enumerate(index["sizes"]):
        captions = index["captions"][place]
        if captions:
            # Mode "c": torch wants memory that could be written to; what is written stays here.
            pixels = np.memmap(cache / f"{place}.rgb", np.uint8, mode="c", shape=(len(captions), 3, height, width))
            classes = torch.tensor([names.index(name) for name in index["classes"][place]])
            buckets.append(Bucket(torch.from_numpy(pixels), captions, classes))
    return Pictures(buckets, names)


def squares_of(buckets: Sequence[Bucket]) -> list[NDArray[np.uint8]]:
    """The first of the square ones, (side, side, 3) each."""
    squares = (bucket for bucket in buckets if bucket.pixels.shape[2] == bucket.pixels.shape[3])
    return [pixels.permute(1, 2, 0).numpy() for bucket in squares for pixels in bucket.pixels[:LOOKED_AT]]


def sizes_of(pictures: Pictures) -> list[Size]:
    """Width and height of each bucket that holds pictures."""
    return [(bucket.pixels.shape[3], bucket.pixels.shape[2]) for bucket in pictures.buckets]
