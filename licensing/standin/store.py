"""The stand-in's memory: one SQLite file, so that everything acknowledged survives `kill -9`."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    body TEXT NOT NULL,
    private TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS objects_of_kind ON objects (kind, seq);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    variant TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'waiting', 'delivered', 'given_up')),
    due REAL NOT NULL,
    rank INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    answers TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, method TEXT NOT NULL, path TEXT NOT NULL,
    idempotency_key TEXT, status INTEGER
);
"""


class Store:
    """Objects by id and kind, idempotent answers, the webhook queue, settings.

    One connection, one lock: a request is one transaction, and requests follow one another.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_TABLES)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; wakes whoever waits on `changed` afterwards."""
        with self.lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
            self.changed.notify_all()

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self.lock:
            return self._database.execute(sql, values).fetchall()

    def clear(self) -> None:
        for table in ("objects", "idempotency", "deliveries", "settings", "requests"):
            self.run(f"DELETE FROM {table}")  # noqa: S608 - the code's own names

    # objects

    def add(self, body: dict[str, Any], *, created: int, private: dict[str, Any] | None = None) -> None:
        self.run(
            "INSERT INTO objects (id, kind, created, body, private) VALUES (?, ?, ?, ?, ?)",
            (body["id"], body["object"], created, json.dumps(body), json.dumps(private or {})),
        )

    def save(self, body: dict[str, Any]) -> None:
        self.run("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))

    def save_private(self, object_id: str, private: dict[str, Any]) -> None:
        self.run("UPDATE objects SET private = ? WHERE id = ?", (json.dumps(private), object_id))

    def find(self, kind: str, object_id: str) -> dict[str, Any] | None:
        rows = self.run("SELECT body FROM objects WHERE kind = ? AND id = ?", (kind, object_id))
        return json.loads(rows[0]["body"]) if rows else None

    def private(self, object_id: str) -> dict[str, Any]:
        rows = self.run("SELECT private FROM objects WHERE id = ?", (object_id,))
        private: dict[str, Any] = json.loads(rows[0]["private"])
        return private

    def all(self, kind: str, **equal: Any) -> list[dict[str, Any]]:
        """Every object of a kind whose fields equal these values, oldest first."""
        where = "".join(f" AND json_extract(body, '$.{name}') = ?" for name in equal)
        rows = self.run(
            f"SELECT body FROM objects WHERE kind = ?{where} ORDER BY seq",  # noqa: S608 - field names are the code's own
            (kind, *equal.values()),
        )
        return [json.loads(row["body"]) for row in rows]

    def page(
        self, kind: str, where: list[tuple[str, Any]], *, limit: int, after: int | None, before: int | None
    ) -> tuple[list[dict[str, Any]], bool]:
        """At most `limit` objects, newest first, and whether more follow.

        `where` holds SQL conditions with one value each; `after` and `before` are sequence numbers.
        """
        conditions: list[str] = ["kind = ?"]
        values: list[Any] = [kind]
        for condition, value in where:
            conditions.append(condition)
            values.extend(value if isinstance(value, list) else [value])
        if after is not None:
            conditions.append("seq < ?")
            values.append(after)
        if before is not None:
            conditions.append("seq > ?")
            values.append(before)
        direction = "DESC" if before is None else "ASC"
        rows = self.run(
            f"SELECT body FROM objects WHERE {' AND '.join(conditions)} "  # noqa: S608 - conditions are the code's own
            f"ORDER BY seq {direction} LIMIT ?",
            (*values, limit + 1),
        )
        found = [json.loads(row["body"]) for row in rows[:limit]]
        return (found if before is None else found[::-1]), len(rows) > limit

    def seq(self, object_id: str) -> int | None:
        rows = self.run("SELECT seq FROM objects WHERE id = ?", (object_id,))
        return int(rows[0]["seq"]) if rows else None

    # settings

    def setting(self, name: str, default: Any) -> Any:
        rows = self.run("SELECT value FROM settings WHERE name = ?", (name,))
        return json.loads(rows[0]["value"]) if rows else default

    def set(self, name: str, value: Any) -> None:
        self.run(
            "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )
