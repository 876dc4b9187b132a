"""What every part of the stand-in shares: the store, the clock, ids, events, its own address."""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import dataclass
from typing import Any

from .errors import missing
from .schema import API_VERSION, check_snapshot
from .store import Store

_ALPHABET = string.ascii_letters + string.digits


@dataclass
class World:
    """Handed to every operation. `request_id` and `idempotency_key` name the call being served."""

    store: Store
    base_url: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None

    def now(self) -> float:
        """Seconds since 1970 on the stand-in's clock, which a control can set forward."""
        return time.time() + float(self.store.setting("clock_offset_s", 0))

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(24))

    def get(self, kind: str, object_id: str, *, param: str = "id") -> dict[str, Any]:
        """The stored object; ApiError(404) when there is none of this kind."""
        found = self.store.find(kind, object_id)
        if found is None:
            raise missing(kind, object_id, param=param)
        return found

    def add(self, body: dict[str, Any], private: dict[str, Any] | None = None) -> dict[str, Any]:
        self.store.add(body, created=body["created"], private=private)
        return body

    def emit(self, kind: str, subject: dict[str, Any], previous: dict[str, Any] | None = None) -> None:
        """Write an event with a snapshot of its subject, and queue it for the webhook address."""
        data: dict[str, Any] = {"object": self.present(subject)}
        if previous is not None:
            data["previous_attributes"] = previous
        event: dict[str, Any] = {
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": int(self.now()),
            "data": data,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": kind,
        }
        check_snapshot(event)
        check_snapshot(data["object"])
        self.add(event)
        self.queue(event["id"])

    def queue(self, event_id: str, *, variant: str = "faithful", copies: int = 1) -> list[int]:
        """Queue deliveries of an event; held or delayed when a control said so. Returns their ids."""
        held = self.store.setting("hold_webhooks", False)
        due = self.now() + float(self.store.setting("webhook_delay_s", 0))
        state = "held" if held else "waiting"
        return [
            int(
                self.store.run(
                    "INSERT INTO deliveries (event, variant, state, due) VALUES (?, ?, ?, ?) RETURNING id",
                    (event_id, variant, state, due),
                )[0]["id"]
            )
            for _ in range(copies)
        ]

    def present(self, value: Any) -> Any:
        """The object as it reads now: fields that follow from the clock or the address are filled."""
        if isinstance(value, list):
            return [self.present(member) for member in value]
        if not isinstance(value, dict):
            return value
        kind = value.get("object")
        # What an event carries is a snapshot: it never changes, so it is not filled again.
        shown = dict(value) if kind == "event" else {name: self.present(member) for name, member in value.items()}
        if kind == "balance_transaction":
            shown["status"] = "available" if shown["available_on"] <= self.now() else "pending"
        elif kind == "checkout.session":
            still_open = shown["status"] == "open"
            shown["url"] = f"{self.base_url}/c/pay/{shown['id']}" if still_open else None
        elif kind == "event":
            waiting = self.store.run(
                "SELECT 1 FROM deliveries WHERE event = ? AND state IN ('held', 'waiting') LIMIT 1",
                (shown["id"],),
            )
            shown["pending_webhooks"] = len(waiting)
        return shown
