"""The rows of a data set, one after another, never all at once, without those left out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from datasets import Audio, Image, IterableDataset, load_dataset

from compute.recipes.data.config import DatasetConfig
from compute.recipes.data.facts import DatasetFacts
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.refusal import Refused

Row = dict[str, Any]


def stream(
    config: DatasetConfig, facts: DatasetFacts, split: str, left_out: LeftOut, *, columns: tuple[str, ...], most: int
) -> Iterator[tuple[int, Row]]:
    """Up to `most` rows (0: all) of the split with their numbers in it, files undecoded.

    They are read from the hub's Parquet as they are needed.

    Raises Refused when a column is missing.
    """
    table = _open(config, facts, split)
    known = list(table.features or {}) or list(next(iter(table), {}))
    for column in columns:
        if column not in known:
            raise Refused(f"The data set has no column {column!r}, only {', '.join(known)}. Set the columns' names.")
    kept = ((number, row) for number, row in enumerate(table) if not left_out.names(row))
    return islice(kept, most) if most else kept


def _open(config: DatasetConfig, facts: DatasetFacts, split: str) -> IterableDataset:
    try:
        if config.path:
            table = load_dataset(config.path, split=split, streaming=True)
        else:
            table = load_dataset(config.id, revision=facts.source.revision, split=split, streaming=True)
    except ValueError as error:
        raise Refused(f"The data set {facts.source.id} cannot be read: {error} Check 'dataset.split'.") from error
    for name, feature in (table.features or {}).items():
        if isinstance(feature, Image | Audio):
            table = table.cast_column(name, type(feature)(decode=False))
    return table
