"""Webhooks: every event is sent until the address answers 2xx; at least once, in no promised order.

Signed as Stripe signs (https://docs.stripe.com/webhooks/signature): HMAC-SHA256 of
`timestamp.payload`. The timestamp is real time, because the receiver compares it with its own
clock; all waiting is measured on the stand-in's clock, so that a control can pass it quickly.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import random
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import sessions
from .world import World

log = logging.getLogger("licensing.standin")

VARIANTS = (
    "faithful",
    "corrupt_signature",
    "old_timestamp",
    "wrong_secret",
    "truncated",
    "unknown_type",
    "old_api_version",
)
_GIVE_UP_AFTER = 80  # with the waits below: about three days, as long as Stripe tries
_LONGEST_WAIT_S = 3_600
_OLD_S = 3_600
_ANSWER_WITHIN_S = 30


def sign(payload: str, secret: str, timestamp: int) -> str:
    """The value of the `Stripe-Signature` header."""
    mac = hmac.new(secret.encode(), f"{timestamp}.{payload}".encode(), hashlib.sha256)
    return f"t={timestamp},v1={mac.hexdigest()}"


def wait_after(attempts: int) -> int:
    """Seconds until the next try: 1, 2, 4, … up to an hour."""
    return min(2 ** min(attempts - 1, 12), _LONGEST_WAIT_S)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the address answered: an HTTP status, or 0 and why there was none."""

    status: int
    note: str

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


class Sender:
    """Sends one event once, faithfully or spoiled on purpose.

    Whoever holds `turn` knows that the queue is not being worked on meanwhile.
    """

    def __init__(self, world: World, url: str, secret: str) -> None:
        self.turn = threading.Lock()
        self._world = world
        self._url = url
        self._secret = secret

    def send(self, event_id: str, variant: str) -> Outcome:
        event = self._world.get("event", event_id)
        payload, header = self._prepared(event, variant)
        parts = urlsplit(self._url)
        assert parts.hostname is not None
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_ANSWER_WITHIN_S)
        try:
            connection.request(
                "POST",
                parts.path + (f"?{parts.query}" if parts.query else ""),
                payload.encode(),
                {
                    "Content-Type": "application/json; charset=utf-8",
                    "Stripe-Signature": header,
                    "User-Agent": "Wellspring-Stripe-stand-in/1.0",
                },
            )
            answer = connection.getresponse()
            return Outcome(answer.status, answer.read(500).decode("utf-8", "replace"))
        except (OSError, http.client.HTTPException) as error:
            return Outcome(0, f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    def _prepared(self, event: dict[str, Any], variant: str) -> tuple[str, str]:
        now = int(time.time())
        if variant == "unknown_type":
            event["type"] = "wellspring.unknown"
        if variant == "old_api_version":
            event["api_version"] = "2017-08-15"
        payload = json.dumps(event, indent=2, ensure_ascii=False)
        if variant == "truncated":
            payload = payload[: len(payload) // 2]  # signed as it is: only the JSON is broken
        stamp = now - _OLD_S if variant == "old_timestamp" else now
        secret = "whsec_somebody_else" if variant == "wrong_secret" else self._secret
        header = sign(payload, secret, stamp)
        if variant == "corrupt_signature":
            header = header[:-1] + ("0" if header[-1] != "0" else "1")
        return payload, header


class Deliverer(threading.Thread):
    """Works through the queue, and does what the clock makes due. One delivery at a time."""

    def __init__(self, world: World, sender: Sender) -> None:
        super().__init__(name="webhooks", daemon=True)
        self._world = world
        self._sender = sender

    def run(self) -> None:
        while True:
            try:
                self.step()
            except Exception:
                log.exception("The webhook deliverer failed; it goes on in a second.")
                time.sleep(1)

    def try_again_now(self) -> None:
        """After a start, what was refused before is tried at once: the address may be up by now."""
        with self._world.store.transaction():
            self._world.store.run(
                "UPDATE deliveries SET due = ? WHERE state = 'waiting' AND attempts > 0", (self._world.now(),)
            )

    def step(self) -> None:
        """Deliver the next due event, or wait until something changes."""
        with self._sender.turn:
            self._do_what_is_due()
            row = self._next()
            if row is not None:
                outcome = self._sender.send(row["event"], row["variant"])
                with self._world.store.transaction():
                    self._record(row["id"], outcome)
                return
        with self._world.store.lock:
            if self._next() is None:
                self._world.store.changed.wait(timeout=1)

    def _do_what_is_due(self) -> None:
        with self._world.store.lock:
            if sessions.anything_due(self._world):
                with self._world.store.transaction():
                    sessions.tick(self._world)

    def _next(self) -> Any:
        rows = self._world.store.run(
            "SELECT * FROM deliveries WHERE state = 'waiting' AND due <= ? ORDER BY due, rank, id LIMIT 1",
            (self._world.now(),),
        )
        return rows[0] if rows else None

    def _record(self, delivery_id: int, outcome: Outcome) -> None:
        row = self._world.store.run("SELECT * FROM deliveries WHERE id = ?", (delivery_id,))[0]
        attempts = row["attempts"] + 1
        answers = [*json.loads(row["answers"]), {"status": outcome.status, "note": outcome.note}]
        if outcome.accepted:
            state = "delivered"
        elif attempts >= _GIVE_UP_AFTER:
            state = "given_up"
        else:
            state = "waiting"
        self._world.store.run(
            "UPDATE deliveries SET state = ?, attempts = ?, answers = ?, due = ? WHERE id = ?",
            (
                state,
                attempts,
                json.dumps(answers[-20:]),
                self._world.now() + wait_after(attempts),
                delivery_id,
            ),
        )
        if not outcome.accepted:
            log.warning("webhook %s not accepted (%s)", row["event"], outcome.status or outcome.note)


def release(world: World, *, order: str, seed: int, copies: int) -> int:
    """Let the held deliveries go, `copies` of each, in the kept, reversed or shuffled order."""
    held = world.store.run("SELECT * FROM deliveries WHERE state = 'held' ORDER BY id")
    ids = [int(row["id"]) for row in held]
    for row in held:
        for _ in range(copies - 1):
            added = world.store.run(
                "INSERT INTO deliveries (event, variant, state, due) VALUES (?, ?, 'held', ?) RETURNING id",
                (row["event"], row["variant"], row["due"]),
            )
            ids.append(int(added[0]["id"]))
    if order == "reversed":
        ids.reverse()
    elif order == "shuffled":
        random.Random(seed).shuffle(ids)
    now = world.now()
    for rank, delivery_id in enumerate(ids):
        world.store.run(
            "UPDATE deliveries SET state = 'waiting', due = ?, rank = ? WHERE id = ?",
            (now, rank, delivery_id),
        )
    return len(ids)
