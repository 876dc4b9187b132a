"""CSV and JSON lines become one Parquet file, so that everything else reads Parquet only."""

# ruff: noqa: S608 - names and paths are quoted, and only the asker's own data is there
import io
from collections.abc import Callable

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hub.viewer.queries import batches, identifier
from hub.viewer.tables import Unreadable, reason

READERS = {
    "csv": "read_csv([{files}], union_by_name = true{more})",
    "tsv": "read_csv([{files}], delim = '\\t', union_by_name = true{more})",
    "json": "read_json([{files}], format = 'auto', maximum_object_size = 16777216, union_by_name = true{more})",
}
# Tried in this order: types as they look, then without a guess.
_ATTEMPTS = {
    "csv": ("", ", all_varchar = true"),
    "tsv": ("", ", all_varchar = true"),
    "json": ("", ", sample_size = -1"),
}


class _Sink(io.RawIOBase):
    """Where pyarrow writes: block by block to the near side."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        super().__init__()
        self._write = write
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        block = bytes(memoryview(data))  # type: ignore[arg-type]
        for start in range(0, len(block), 2**20):
            self._write(block[start : start + 2**20])
        self._position += len(block)
        return len(block)

    def tell(self) -> int:
        return self._position


def convert(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    paths: list[str],
    write: Callable[[bytes], None],
    restart: Callable[[], None],
) -> int:
    """Write all rows of the files as Parquet; gives their number. Raises Unreadable."""
    files = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    fault: Exception | None = None
    for more in _ATTEMPTS[kind]:
        sql = "SELECT * FROM " + READERS[kind].format(files=files, more=more)
        try:
            return _write_all(connection, _plain(connection, sql), write)
        except duckdb.OutOfMemoryException:
            raise
        except (duckdb.Error, pa.ArrowException, ValueError) as error:
            fault = error
            restart()
    assert fault is not None
    raise Unreadable(f"it is no readable {kind.upper()}: {reason(fault)}") from fault


def _plain(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Values of no single type are kept by DuckDB as JSON text; a text among them stands without its quotes."""
    found = connection.sql(f"SELECT * FROM ({sql}) LIMIT 0")
    mixed = [identifier(name) for name, kind in zip(found.columns, found.types, strict=True) if str(kind) == "JSON"]
    if not mixed:
        return sql
    replaced = ", ".join(f"({name} ->> '$') AS {name}" for name in mixed)
    return f"SELECT * REPLACE ({replaced}) FROM ({sql})"


def _write_all(connection: duckdb.DuckDBPyConnection, sql: str, write: Callable[[bytes], None]) -> int:
    count = 0
    writer: pq.ParquetWriter | None = None
    sink = _Sink(write)
    for batch in batches(connection, sql):
        if writer is None:
            writer = pq.ParquetWriter(sink, batch.schema, compression="zstd")
        writer.write_batch(batch)
        count += len(batch)
    if writer is None:
        schema = connection.sql(f"SELECT * FROM ({sql}) LIMIT 0").to_arrow_table().schema
        writer = pq.ParquetWriter(sink, schema, compression="zstd")
    writer.close()
    return count
