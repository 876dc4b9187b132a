"""The rows of a data set, one after another, never all at once, without those left out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from datasets import IterableDataset, load_dataset

from compute.recipes.data.config import DatasetConfig, Part
from compute.recipes.data.facts import DatasetFacts
from compute.recipes.data.opening import Row, file_columns, with_files
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.refusal import Refused


def stream(
    config: DatasetConfig, facts: DatasetFacts, part: Part, left_out: LeftOut, *, columns: tuple[str, ...]
) -> Iterator[tuple[int, Row]]:
    """The rows of this part with their numbers in the split, files undecoded.

    They are read from the hub as they are needed, from Parquet or whatever else `datasets` reads: also pictures and
    sounds that lie beside a `metadata.jsonl` with their captions.

    Raises Refused when a column is missing.
    """
    table = _open(config, facts, part.split).decode(False)
    files = file_columns(table.features)
    known = list(table.features or {}) or list(next(iter(table), {}))
    for column in columns:
        if column not in known:
            raise Refused(f"The data set has no column {column!r}, only {', '.join(known)}. Set the columns' names.")
    rows = islice(enumerate(table), part.start, part.end or None)
    read = ((number, with_files(row, files)) for number, row in rows)
    kept = ((number, row) for number, row in read if not left_out.names(row))
    return islice(kept, part.most) if part.most else kept


def _open(config: DatasetConfig, facts: DatasetFacts, split: str) -> IterableDataset:
    try:
        if config.path:
            return load_dataset(config.path, split=split, streaming=True)
        return load_dataset(config.id, revision=facts.source.revision, split=split, streaming=True)
    except (ValueError, FileNotFoundError) as error:
        raise Refused(f"The data set {facts.source.id} cannot be read: {error} {_advice(config, split)}") from error


def _advice(config: DatasetConfig, split: str) -> str:
    if split == config.split:
        return "Check 'dataset.split'."
    return (
        "Metrics are measured on 'dataset.test_split': set it to a split that is there, or to nothing "
        f"(--set dataset.test_split=), which holds back the first {config.most_test} rows of {config.split!r}."
    )
