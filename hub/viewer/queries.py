"""DuckDB over the files of one data set: it sees views of them and nothing else."""

# ruff: noqa: S608 - names and paths are quoted, and only the asker's own data is there
import re
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from hub.viewer.ranges import RemoteFiles
from hub.viewer.tables import reason

_POSITION = re.compile(r"\nLINE (\d+): (.*)\n( *)\^")
_READS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


class Refused(Exception):
    """A query that cannot be answered; `line` and `column` (from 1) tell where, 0 when nobody knows."""

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def connect(*, memory: int, threads: int) -> duckdb.DuckDBPyConnection:
    """An empty database in memory, without extensions and without a place for what does not fit."""
    options: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": f"{memory}B",
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "python_enable_replacements": False,
        "arrow_large_buffer_size": True,
    }
    found = duckdb.connect(":memory:", config=options)
    found.execute("SET TimeZone = 'UTC'")
    found.sql("SELECT 1, 'a', [1]").to_arrow_table()  # loads what would be loaded on first use
    return found


def attach(connection: duckdb.DuckDBPyConnection, files: RemoteFiles, paths: list[str]) -> None:
    """From here on these files can be read, nothing else can, and no setting changes."""
    connection.register_filesystem(files)
    allowed = ", ".join(_quoted(path) for path in paths)
    connection.execute(f"SET allowed_paths = [{allowed}]")
    connection.execute("SET enable_external_access = false")


def make_views(connection: duckdb.DuckDBPyConnection, views: dict[str, list[str]]) -> None:
    """A view over Parquet files for each name. Raises Refused when the files do not fit together."""
    for name, paths in views.items():
        listed = ", ".join(_quoted(path) for path in paths)
        try:
            connection.execute(f"CREATE VIEW {identifier(name)} AS SELECT * FROM read_parquet([{listed}])")
        except duckdb.Error as error:
            raise Refused(f"The files of {name} cannot be read as one table: {reason(error)}") from error


def close(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET lock_configuration = true")


def select(connection: duckdb.DuckDBPyConnection, sql: str, *, most: int) -> tuple[pa.Table, bool]:
    """The first `most` rows of one SELECT, and whether there are more. Raises Refused."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise _refused(error, sql) from error
    if len(statements) != 1 or statements[0].type not in _READS:
        raise Refused("Only a single SELECT can be asked here. The data cannot be changed, and nothing else is there.")
    try:
        # A relation is computed as far as it is read; what `execute` gives would lie in memory as a whole.
        reader = connection.sql(statements[0]).to_arrow_reader(1000)
        table = _first(reader, most + 1)
    except duckdb.OutOfMemoryException:
        raise
    except (duckdb.Error, pa.ArrowException) as error:
        raise _located(connection, error, sql) from error
    return table.slice(0, most), len(table) > most


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first(reader: pa.RecordBatchReader, most: int) -> pa.Table:
    batches = []
    count = 0
    for batch in reader:
        batches.append(batch.slice(0, most - count))
        count += len(batches[-1])
        if count >= most:
            break
    return pa.Table.from_batches(batches, reader.schema)


def batches(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[pa.RecordBatch]:
    yield from connection.sql(sql).to_arrow_reader(5000)


def _located(connection: duckdb.DuckDBPyConnection, error: BaseException, sql: str) -> Refused:
    """Relations do not tell the place of a mistake; the plan of the same query does, if it has none."""
    try:
        connection.execute("EXPLAIN\n" + sql)
    except duckdb.Error as again:
        found = _refused(again, "EXPLAIN\n" + sql)
        if found.line > 1:
            return Refused(str(found), line=found.line - 1, column=found.column)
    return _refused(error, sql)


def _refused(error: BaseException, sql: str) -> Refused:
    """The words without the excerpt, and the position that the excerpt points at."""
    text = str(error)
    found = _POSITION.search(text)
    message = (text[: found.start()] if found else text).strip()[:1000]
    if found is None:
        return Refused(message)
    line, excerpt, indent = int(found.group(1)), found.group(2), len(found.group(3))
    within = indent - len(f"LINE {line}: ")
    if excerpt.startswith("..."):
        excerpt, within = excerpt[3:], within - 3
    whole = (sql.splitlines() or [""])[min(line, sql.count("\n") + 1) - 1]
    start = max(0, whole.find(excerpt.removesuffix("...")))
    return Refused(message, line=line, column=max(1, start + within + 1))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
