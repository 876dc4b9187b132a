"""Counting requests in fixed windows of time, by several web processes together.

Each process counts in its own memory and now and then adds what it counted to a shared row,
which tells it what the others counted. So most requests cost no query, and together the
processes let pass at most a fiftieth of the limit each more than they should (docs/decisions/066).
"""

import time
from dataclasses import dataclass
from threading import Lock

from django.db import connection
from django.utils.crypto import salted_hmac

_SHARE = 50  # a process tells the others after a fiftieth of the limit
_MOST = 50_000  # clients that a process remembers in one window


@dataclass(frozen=True)
class Standing:
    """How a client stands after asking: may it pass, how many requests are left, seconds until the next window."""

    passes: bool
    left: int
    reset: int


@dataclass(slots=True)
class _Count:
    shared: int = 0  # what the row said when it was last read
    own: int = 0  # counted since, and in no row yet


class Windows:
    """The counts of one process."""

    def __init__(self) -> None:
        self._window = (0, 0)
        self._counts: dict[str, _Count] = {}
        self._lock = Lock()

    def take(self, key: str, limit: int, seconds: int) -> Standing:
        """Count one request of `key`, if there is one left of `limit` in this window of `seconds`."""
        now = int(time.time())
        reset = seconds - now % seconds
        window = (seconds, now // seconds)
        with self._lock:
            count = self._count(window, key)
            if count.shared + count.own >= limit:
                return Standing(passes=False, left=0, reset=reset)
            count.own += 1
            told = count.own if count.own >= max(1, limit // _SHARE) else 0
            count.own -= told
            count.shared += told
        if told:
            self._tell(window, key, count, told)
        total = count.shared + count.own
        return Standing(passes=total <= limit, left=max(0, limit - total), reset=reset)

    def _count(self, window: tuple[int, int], key: str) -> _Count:
        if window != self._window or len(self._counts) >= _MOST:
            self._window, self._counts = window, {}
        return self._counts.setdefault(key, _Count())

    def _tell(self, window: tuple[int, int], key: str, count: _Count, told: int) -> None:
        shared = add(key, window[0] * window[1], told)
        with self._lock:
            count.shared = max(count.shared, shared)


def add(key: str, starts_at: int, number: int) -> int:
    """Add to the shared row of a client and window; returns what all processes have counted there.

    Who the client is stands in the row as a keyed digest only.
    """
    client = salted_hmac("common.windows", key, algorithm="sha256").hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [client, starts_at, number])
        return cursor.fetchone()[0]


def forget_old(*, before: int) -> int:
    """Drop the rows of windows that began before this second of the epoch."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM common_requestcount WHERE starts_at < %s", [before])
        return cursor.rowcount


_ADD = """
    INSERT INTO common_requestcount AS known (client, starts_at, number) VALUES (%s, %s, %s)
    ON CONFLICT (client, starts_at) DO UPDATE SET number = known.number + excluded.number
    RETURNING number
"""
