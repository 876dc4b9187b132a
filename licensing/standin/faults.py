"""Faults on order: the next matching request goes wrong in the way a control asked for.

They are kept in memory only: a restart clears them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .errors import ApiError

# "after": the request is served and recorded, only its answer is lost.
BEFORE_ACTING = ("conflict", "rate_limit", "server_error", "card_declined", "connection_reset")
AFTER_ACTING = ("timeout_after_acting", "reset_after_acting")
KINDS = BEFORE_ACTING + AFTER_ACTING


@dataclass
class Fault:
    kind: str
    times: int
    method: str | None
    path: str | None

    def meets(self, method: str, path: str) -> bool:
        return self.method in (None, method) and (self.path is None or path.startswith(self.path))


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    def plan(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def planned(self) -> list[Fault]:
        with self._lock:
            return list(self._planned)

    def take(self, method: str, path: str) -> str | None:
        """The kind of fault for this request, used up once."""
        with self._lock:
            for fault in self._planned:
                if fault.meets(method, path):
                    fault.times -= 1
                    if fault.times == 0:
                        self._planned.remove(fault)
                    return fault.kind
        return None


def refusal(kind: str) -> ApiError | None:
    """The answer of a fault that refuses; None for those that cut the connection."""
    if kind == "conflict":
        return ApiError(
            409,
            "Another request with this idempotency key is in progress. Try again.",
            kind="idempotency_error",
            code="idempotency_key_in_use",
        )
    if kind == "rate_limit":
        return ApiError(429, "Too many requests. Try again later.", code="rate_limit")
    if kind == "server_error":
        return ApiError(500, "Something went wrong here. Try again.", kind="api_error")
    if kind == "card_declined":
        return ApiError(
            402,
            "The card was declined.",
            kind="card_error",
            code="card_declined",
            decline_code="generic_decline",
        )
    return None
