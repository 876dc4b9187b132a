"""Reads a captioned pictures data set, from the hub or from a folder, into memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import datasets
import numpy as np
import torch
from datasets import Dataset, load_dataset
from PIL import Image, ImageOps
from torch import Tensor

from compute.recipes.data.facts import DatasetFacts
from compute.recipes.data.opening import caption_of, file_columns, opened_picture, with_files
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.config import DatasetConfig


@dataclass(frozen=True)
class Captioned:
    """`pictures`: (n, 3, size, size) uint8; `captions`: n sentences."""

    pictures: Tensor
    captions: list[str]

    def __len__(self) -> int:
        return len(self.captions)


def load(config: DatasetConfig, facts: DatasetFacts, left_out: LeftOut) -> Captioned:
    """What nobody asked to leave out of the split. Raises Refused when a column or a picture is missing or damaged."""
    table = _table(config, facts)
    for column in (config.image_column, config.caption_column):
        if column not in table.column_names:
            raise Refused(
                f"The data set has no column {column!r}, only {', '.join(table.column_names)}. "
                "Set 'dataset.image_column' and 'dataset.caption_column'."
            )
    files = file_columns(table.features)
    for name in files:
        table = table.cast_column(name, type(table.features[name])(decode=False))
    kept = list(range(len(table)))
    if left_out:
        kept = [place for place, row in enumerate(table) if not left_out.names(with_files(row, files))]
        table = table.select(kept)
    return Captioned(
        pictures=_pictures(table, kept, config),
        captions=_captions(table, kept, config),
    )


def _table(config: DatasetConfig, facts: DatasetFacts) -> Dataset:
    place: dict[str, str] = {"path": config.id, "revision": facts.source.revision}
    if config.path:
        # The library's cache knows a folder by its path; here it is known by its content.
        cache = Path(datasets.config.HF_DATASETS_CACHE) / "folders" / facts.source.revision[:16]
        place = {"path": config.path, "cache_dir": str(cache)}
    try:
        return load_dataset(split=config.split, **place)
    except (ValueError, FileNotFoundError) as error:
        raise Refused(f"The data set {facts.source.id} cannot be read: {error} Check 'dataset.split'.") from error


def _pictures(table: Dataset, numbers: list[int], config: DatasetConfig) -> Tensor:
    """`numbers` are those of the rows in the whole split."""
    column, size = config.image_column, config.size
    pictures = np.empty((len(table), size, size, 3), dtype=np.uint8)
    rows = table.select_columns([column])
    for index, (number, row) in enumerate(zip(numbers, rows, strict=True)):
        value = with_files(row, (column,))[column]
        image = opened_picture(value, column=column, row=number, split=config.split)
        pictures[index] = _squared(image, size)
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()


def _captions(table: Dataset, numbers: list[int], config: DatasetConfig) -> list[str]:
    column, without = config.caption_column, config.without_caption
    return [
        caption_of(value, column=column, row=number, split=config.split, without=without)
        for number, value in zip(numbers, table[column], strict=True)
    ]


def _squared(image: Image.Image, size: int) -> np.ndarray:
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image)
