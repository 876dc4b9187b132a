"""Parquet by the row group: what a file holds, and some of its rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hub.viewer.features import features_of
from hub.viewer.ranges import RemoteFile

_MOST_COLUMNS = 1000
_BATCH = 64


class Unreadable(Exception):
    """The file is not what its name says; the text says why."""


@dataclass(frozen=True)
class Described:
    """Rows of each file, and the features that all of them have."""

    rows: list[int]
    features: dict[str, Any]


def describe(files: list[RemoteFile]) -> Described:
    """Read the footers only. Raises Unreadable; `files` fit together if their columns do."""
    rows: list[int] = []
    known: dict[str, Any] = {}
    names: list[str] = []
    for number, file in enumerate(files):
        opened = open_parquet(file, number)
        schema = opened.schema_arrow
        if len(schema) > _MOST_COLUMNS:
            raise Unreadable(f"it has {len(schema)} columns, more than {_MOST_COLUMNS}")
        if len(set(schema.names)) != len(schema.names):
            raise Unreadable("two of its columns have the same name")
        if number == 0:
            known, names = features_of(schema), schema.names
        elif schema.names != names:
            raise Unreadable(f"file {number + 1} has other columns than the first one")
        rows.append(opened.metadata.num_rows)
    return Described(rows, known)


def read_rows(files: list[RemoteFile], counts: list[int], offset: int, length: int) -> tuple[pa.Table | None, int]:
    """Up to `length` rows from row `offset` on, over all files in order, and how many were found."""
    batches: list[pa.RecordBatch] = []
    left = length
    for number, (file, count) in enumerate(zip(files, counts, strict=True)):
        if offset >= count:
            offset -= count
            continue
        for batch in _batches(open_parquet(file, number), offset, left):
            batches.append(batch)
            left -= len(batch)
        offset = 0
        if left <= 0:
            break
    return (pa.Table.from_batches(batches) if batches else None), length - left


def open_parquet(file: RemoteFile, number: int) -> pq.ParquetFile:
    file.seek(0)
    try:
        # Limits of the decoder of footers: a small file may claim a large one.
        return pq.ParquetFile(
            file,
            buffer_size=2**20,
            pre_buffer=False,
            thrift_string_size_limit=64 * 2**20,
            thrift_container_size_limit=2**20,
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Unreadable(f"file {number + 1} is no Parquet file: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """The first line of what a library says, in bounds."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _batches(opened: pq.ParquetFile, offset: int, length: int) -> Iterator[pa.RecordBatch]:
    for group in range(opened.num_row_groups):
        count = opened.metadata.row_group(group).num_rows
        if offset >= count:
            offset -= count
            continue
        for batch in opened.iter_batches(batch_size=_BATCH, row_groups=[group], use_threads=False):
            if length <= 0:
                return
            if offset >= len(batch):
                offset -= len(batch)
                continue
            part = batch.slice(offset, length)
            offset = 0
            length -= len(part)
            yield part
