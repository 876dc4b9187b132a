"""Leases of folders that several processes share: files that the kernel locks, and unlocks when their holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class Lease:
    """Held by many who read, or by one who changes. Taking it in one way gives the other up first."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def share(self) -> None:
        """Waits for whoever has it alone."""
        self._take(fcntl.LOCK_SH)

    def take_alone(self) -> None:
        """Waits for everybody who has it."""
        self._take(fcntl.LOCK_EX)

    def _take(self, kind: int) -> None:
        # Let go of first: two who wait for each other's share would wait for ever.
        fcntl.flock(self._file, fcntl.LOCK_UN)
        fcntl.flock(self._file, kind)

    def alone_at_once(self) -> bool:
        """Take it alone if nobody has it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def free(self) -> None:
        # Closing alone would not: a process forked meanwhile has the open file, too.
        fcntl.flock(self._file, fcntl.LOCK_UN)


@contextmanager
def lease(path: Path) -> Iterator[Lease]:
    """Not taken yet. The file stays, for a lock on one that was taken away would keep nobody out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        made = Lease(file)
        try:
            yield made
        finally:
            made.free()
