"""The far side: one process, one task, one answer, with one descriptor as its only door.

`readers` starts the process that loads everything and waits; it copies itself for each task, and has no part in it.

Heads it sends: `{"read", "start", "length"}` (the answer's body is the bytes), `{"part"}` with a picture
or sound, `{"output"}` with a piece of the file it writes, `{"restart"}`, and at last `{"answer"}`,
`{"refused"}` or `{"no_cage"}`.
"""

import contextlib
import io
import os
import select
import signal
import socket
from typing import Any, NoReturn

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hub.algorithms import cage
from hub.viewer import cells, conversion, media, queries, sounds, statistics, tables, wire
from hub.viewer.ranges import RemoteFile, RemoteFiles

_PATIENCE = 120  # seconds without a task


def main(control: int) -> None:
    """Load everything, copy this process for each door that is handed over, end the copies that are named."""
    media.prepare()
    sounds.prepare()
    _load()
    copies: set[int] = set()
    with socket.socket(fileno=control) as channel:
        try:
            while select.select([channel], [], [], _PATIENCE)[0] or copies:
                if not _obey(channel, copies):
                    break
        finally:
            for copy in copies:
                _end(copy)


def _obey(channel: socket.socket, copies: set[int]) -> bool:
    """Do what the next message says; whether there may be more."""
    said, doors, _flags, _address = socket.recv_fds(channel, 16, 1)
    if doors:
        copy = os.fork()
        if copy == 0:
            channel.close()
            _answer_and_end(doors[0])
        os.close(doors[0])
        copies.add(copy)
        channel.send(wire.NUMBER.pack(copy))
    elif said:
        (named,) = wire.NUMBER.unpack(said)
        if named in copies:
            copies.remove(named)
            _end(named)
    return bool(said)


def _end(copy: int) -> None:
    os.kill(copy, signal.SIGKILL)  # it is ours and was not waited for, so the number is still its own
    os.waitpid(copy, 0)


def _answer_and_end(door: int) -> NoReturn:
    try:
        _answer(door)
    finally:
        os._exit(0)  # what the original keeps for its own end is not the copy's


def _answer(door: int) -> None:
    """Wait for a task, close the walls, answer."""
    _warm_up()
    try:
        task, _body = wire.receive(door)
    except wire.ConnectionEnded:
        return
    limits = task["limits"]
    cage.limit(memory=limits["memory"], seconds=limits["seconds"])
    try:
        reader = Reader(door, task)
        cage.lock()
    except cage.NoCage as error:
        wire.send(door, {"no_cage": str(error)})
        return
    wire.send(door, _outcome(reader))


def _outcome(reader: "Reader") -> dict[str, Any]:
    try:
        return {"answer": reader.answer()}
    except queries.Refused as error:
        return {"refused": str(error), "line": error.line, "column": error.column}
    except (tables.Unreadable, sounds.NoSound) as error:
        return {"refused": str(error)}
    except (MemoryError, pa.ArrowMemoryError, duckdb.OutOfMemoryException):
        return {"refused": "memory"}
    except RecursionError:
        return {"refused": "a value is nested too deeply"}
    except (pa.ArrowException, duckdb.Error, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        return {"refused": tables.reason(error)}


class Reader:
    """What can be asked of files."""

    def __init__(self, door: int, task: dict[str, Any]) -> None:
        self._door = door
        self._task = task
        self._sizes: list[int] = task["sizes"]
        self._parts = 0
        self._connection = queries.connect(memory=task["limits"]["memory"] // 4, threads=2)
        self._files = RemoteFiles(self._door, self._sizes)

    def answer(self) -> Any:
        return getattr(self, f"_{self._task['do']}")()

    def _describe(self) -> dict[str, Any]:
        """Rows of each file, features by column in order, and statistics of the first `most_rows` rows."""
        found = tables.describe(self._opened())
        known = list(found.features.items())
        described = {"rows": found.rows, "features": known, "statistics": []}
        if self._task["most_rows"]:
            with contextlib.suppress(queries.Refused):
                described["statistics"] = self._statistics(found.features)
        return described

    def _statistics(self, features: dict[str, Any]) -> list[dict[str, Any]]:
        self._attach({"data": list(range(len(self._sizes)))})
        return statistics.statistics_of(self._connection, "data", features, rows=self._task["most_rows"])

    def _rows(self) -> dict[str, Any]:
        task = self._task
        table, _count = tables.read_rows(self._opened(), task["counts"], task["offset"], task["length"])
        rows = [] if table is None else cells.rows_of(table, task["features"], self._keep)
        return {"rows": [{"row_idx": task["offset"] + at} | row for at, row in enumerate(rows)]}

    def _search(self) -> dict[str, Any]:
        """Rows in order that hold a text or meet a condition; one more than asked tells that there are more."""
        task = self._task
        self._attach({"data": list(range(len(self._sizes)))})
        numbered = "SELECT *, row_number() OVER () - 1 AS __row FROM data"
        conditions = ["true"]
        if task["where"]:
            conditions.append(f"(\n{task['where']}\n)")  # on lines of its own, so that mistakes are found in it
        if task["text"]:
            wanted = "'" + task["text"].replace("'", "''") + "'"
            columns = [queries.identifier(name) for name in task["columns"]]
            conditions.append(
                "(" + " OR ".join(f"contains(lower({column}), lower({wanted}))" for column in columns) + ")"
            )
        sql = f"SELECT * FROM ({numbered}) WHERE {' AND '.join(conditions)}"  # noqa: S608 - everything may be read
        sql += f" LIMIT {task['length'] + 1} OFFSET {task['offset']}"
        try:
            table, _more = queries.select(self._connection, sql, most=task["length"] + 1)
        except queries.Refused as error:
            raise queries.Refused(str(error), line=max(0, error.line - 1), column=error.column) from error
        numbers = table.column("__row").to_pylist()
        rows = cells.rows_of(table.drop_columns(["__row"]).slice(0, task["length"]), task["features"], self._keep)
        found = [{"row_idx": number} | row for number, row in zip(numbers, rows, strict=False)]
        return {"rows": found, "has_more": len(table) > task["length"]}

    def _query(self) -> dict[str, Any]:
        self._attach(self._task["views"])
        table, more = queries.select(self._connection, self._task["sql"], most=self._task["most_rows"])
        names = [{"name": field.name, "type": str(field.type)} for field in table.schema]
        unique = table.rename_columns([str(at) for at in range(table.num_columns)])
        rows = cells.rows_of(unique, {}, self._keep)
        return {"columns": names, "rows": rows, "has_more": more}

    def _convert(self) -> dict[str, Any]:
        kind = self._task["format"]
        paths = [f"data://{number}.{kind}" for number in range(len(self._sizes))]
        queries.attach(self._connection, self._files, paths)
        count = conversion.convert(self._connection, kind, paths, self._write, self._restart)
        return {"rows": count}

    def _redraw(self) -> dict[str, Any]:
        """The picture that the only file is, as a part; an empty answer when it is none."""
        made = media.redrawn(self._opened()[0].read(), lossless=self._task.get("lossless", False))
        if made is None:
            return {}
        self._keep(made)
        return {"type": made.type, "width": made.width, "height": made.height}

    def _listen(self) -> dict[str, Any]:
        """Length, rate and channels of the sound that the only file is, and its spectrogram as a part."""
        found = sounds.look_into(self._opened()[0].read())
        self._keep(media.Medium(found.picture, "image/png"))
        return {
            "type": found.type,
            "frames": found.frames,
            "rate": found.rate,
            "channels": found.channels,
            "seen": found.seen,
        }

    def _write(self, block: bytes) -> None:
        wire.send(self._door, {"output": True}, block)

    def _restart(self) -> None:
        wire.send(self._door, {"restart": True})

    def _attach(self, views: dict[str, list[int]]) -> None:
        addresses = {name: [f"data://{number}.parquet" for number in numbers] for name, numbers in views.items()}
        paths = sorted({path for listed in addresses.values() for path in listed})
        queries.attach(self._connection, self._files, paths)
        queries.make_views(self._connection, addresses)
        queries.close(self._connection)

    def _opened(self) -> list[RemoteFile]:
        return [RemoteFile(self._door, number, size) for number, size in enumerate(self._sizes)]

    def _keep(self, medium: media.Medium) -> int:
        wire.send(self._door, {"part": self._parts}, medium.data)
        self._parts += 1
        return self._parts - 1


def _load() -> None:
    """What libraries load late, as far as it starts no thread: copies have only the one that copied."""
    pa.array([0])
    queries.connect(memory=2**28, threads=1).close()


def _warm_up() -> None:
    """Start the threads that reading needs, and touch the rest: no file can be opened later."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    file = io.BytesIO()
    table = pa.table({"t": pa.array([0], pa.timestamp("us")), "s": ["a"], "d": pa.array([None], pa.decimal128(5, 2))})
    pq.write_table(table, file, compression="zstd")
    for batch in pq.ParquetFile(io.BytesIO(file.getvalue())).iter_batches():
        cells.rows_of(pa.Table.from_batches([batch]), {}, lambda _medium: 0)
