"""Reads a captioned pictures data set, from the hub or from a folder, into memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from datasets import Dataset, load_dataset
from huggingface_hub import DatasetCard, HfApi
from PIL import Image, ImageOps
from torch import Tensor

from compute.recipes.hub import told_as_refusal
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.config import DatasetConfig


@dataclass(frozen=True)
class DatasetFacts:
    """Which data, exactly, and under which licences its card puts it."""

    source: Source
    licences: tuple[str, ...]


@dataclass(frozen=True)
class Captioned:
    """`pictures`: (n, 3, size, size) uint8; `captions`: n sentences."""

    pictures: Tensor
    captions: list[str]

    def __len__(self) -> int:
        return len(self.captions)


def look_up(config: DatasetConfig) -> DatasetFacts:
    """The exact revision and the licences, before anything is downloaded.

    The hub's address and token come from HF_ENDPOINT and HF_TOKEN. Raises Refused when
    the data set cannot be found.
    """
    if config.path:
        return _look_up_folder(Path(config.path))
    with told_as_refusal(
        f"The data set {config.id} at {config.revision} cannot be read",
        "Check 'dataset.id', and that the token in HF_TOKEN may read it.",
    ):
        info = HfApi().dataset_info(config.id, revision=config.revision)
    return DatasetFacts(Source(config.id, str(info.sha)), _licences(info.card_data))


def load(config: DatasetConfig, facts: DatasetFacts) -> Captioned:
    """All pictures and captions of the split. Raises Refused when a column is missing."""
    if config.path:
        # The library's cache knows a folder by its path; here it is known by its content.
        cache = Path(datasets.config.HF_DATASETS_CACHE) / "folders" / facts.source.revision[:16]
        table = load_dataset(config.path, split=config.split, cache_dir=str(cache))
    else:
        table = load_dataset(config.id, revision=facts.source.revision, split=config.split)
    for column in (config.image_column, config.caption_column):
        if column not in table.column_names:
            raise Refused(
                f"The data set has no column {column!r}, only {', '.join(table.column_names)}. "
                "Set 'dataset.image_column' and 'dataset.caption_column'."
            )
    return Captioned(
        pictures=_pictures(table, config.image_column, config.size),
        captions=[str(caption) for caption in table[config.caption_column]],
    )


def _pictures(table: Dataset, column: str, size: int) -> Tensor:
    pictures = np.empty((len(table), size, size, 3), dtype=np.uint8)
    for index, image in enumerate(table[column]):
        pictures[index] = _squared(image, size)
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()


def _squared(image: Image.Image, size: int) -> np.ndarray:
    image = image.convert("RGB")
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _look_up_folder(folder: Path) -> DatasetFacts:
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise Refused(f"The folder {folder} holds no Parquet files. Check 'dataset.path'.")
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    card = folder / "README.md"
    licences = _licences(DatasetCard.load(card).data) if card.exists() else ()
    return DatasetFacts(Source(f"local/{folder.resolve().name}", digest.hexdigest()), licences)


def _licences(card_data: Any) -> tuple[str, ...]:
    stated = getattr(card_data, "license", None) or ()
    return (stated,) if isinstance(stated, str) else tuple(str(each) for each in stated)
