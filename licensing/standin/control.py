"""The control API under /_control/: what tests and the demo do that Stripe has no public call for.

JSON in, JSON out, only with the control key given at the start. docs/reference/stripe-standin.md
lists the calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import disputes, sessions, webhooks
from .errors import ApiError
from .faults import KINDS, Fault, Faults
from .world import World

_ORDERS = ("kept", "reversed", "shuffled")


class Control:
    def __init__(self, world: World, faults: Faults, sender: webhooks.Sender) -> None:
        self._world = world
        self._faults = faults
        self._sender = sender
        self._calls: dict[tuple[str, str], Callable[[str, dict[str, Any]], Any]] = {
            ("GET", "state"): self._state,
            ("POST", "reset"): self._reset,
            ("POST", "clock"): self._clock,
            ("POST", "webhooks"): self._webhooks,
            ("POST", "webhooks/release"): self._release,
            ("POST", "webhooks/drain"): self._drain,
            ("GET", "deliveries"): self._deliveries,
            ("GET", "requests"): self._requests,
            ("POST", "events/*/deliver"): self._deliver,
            ("POST", "sessions/*/settle"): self._settle,
            ("POST", "disputes"): self._open_dispute,
            ("POST", "disputes/*/close"): self._close_dispute,
            ("POST", "faults"): self._plan_fault,
            ("DELETE", "faults"): self._clear_faults,
        }

    def handle(self, method: str, path: str, body: bytes) -> Any:
        """The JSON answer; ApiError(404) for an unknown call, ApiError(400) for a wrong field."""
        words = path.split("/")
        object_id = words[1] if len(words) > 2 else ""
        pattern = "/".join([words[0], "*", *words[2:]]) if object_id else path
        call = self._calls.get((method, pattern))
        if call is None:
            known = ", ".join(f"{verb} /_control/{name}" for verb, name in self._calls)
            raise ApiError(404, f"There is no control {method} /_control/{path}. There are: {known}.")
        try:
            fields = json.loads(body or b"{}")
        except ValueError as error:
            raise ApiError(400, f"The body is not JSON: {error}.") from error
        if not isinstance(fields, dict):
            raise ApiError(400, "The body must be a JSON object.")
        return call(object_id, fields)

    # reading

    def _state(self, object_id: str, fields: dict[str, Any]) -> Any:
        store = self._world.store
        queue = store.run("SELECT state, count(*) AS n FROM deliveries GROUP BY state")
        kinds = store.run("SELECT kind, count(*) AS n FROM objects GROUP BY kind")
        return {
            "now": int(self._world.now()),
            "clock_offset_s": store.setting("clock_offset_s", 0),
            "hold_webhooks": store.setting("hold_webhooks", False),
            "webhook_delay_s": store.setting("webhook_delay_s", 0),
            "deliveries": {row["state"]: row["n"] for row in queue},
            "objects": {row["kind"]: row["n"] for row in kinds},
            "faults": [vars(fault) for fault in self._faults.planned()],
        }

    def _deliveries(self, object_id: str, fields: dict[str, Any]) -> Any:
        rows = self._world.store.run("SELECT * FROM deliveries ORDER BY id")
        return [{**dict(row), "answers": json.loads(row["answers"])} for row in rows]

    def _requests(self, object_id: str, fields: dict[str, Any]) -> Any:
        rows = self._world.store.run("SELECT * FROM requests ORDER BY id DESC LIMIT 100")
        return [dict(row) for row in rows]

    # time and webhooks

    def _reset(self, object_id: str, fields: dict[str, Any]) -> Any:
        """Forget everything, as after a start with a new state file."""
        with self._sender.turn, self._world.store.transaction():
            self._world.store.clear()
        self._faults.clear()
        return {}

    def _clock(self, object_id: str, fields: dict[str, Any]) -> Any:
        """{"advance_s": seconds}: forward only; does at once what becomes due."""
        step = _number(fields, "advance_s")
        store = self._world.store
        with store.transaction():
            store.set("clock_offset_s", store.setting("clock_offset_s", 0) + step)
            sessions.tick(self._world)
        return {"now": int(self._world.now())}

    def _webhooks(self, object_id: str, fields: dict[str, Any]) -> Any:
        """{"hold": true|false, "delay_s": seconds}: for deliveries queued from now on."""
        store = self._world.store
        with store.transaction():
            if "hold" in fields:
                store.set("hold_webhooks", bool(fields["hold"]))
            if "delay_s" in fields:
                store.set("webhook_delay_s", _number(fields, "delay_s"))
        return self._state("", {})

    def _release(self, object_id: str, fields: dict[str, Any]) -> Any:
        """{"order": kept|reversed|shuffled, "seed": n, "copies": n}: let held deliveries go."""
        with self._world.store.transaction():
            released = webhooks.release(
                self._world,
                order=_choice(fields, "order", _ORDERS, "kept"),
                seed=_number(fields, "seed", 0),
                copies=_number(fields, "copies", 1),
            )
        return {"released": released}

    def _drain(self, object_id: str, fields: dict[str, Any]) -> Any:
        """{"timeout_s": seconds}: answer when nothing due is waiting any more."""
        store = self._world.store
        due = "SELECT count(*) AS n FROM deliveries WHERE state = 'waiting' AND due <= ?"
        with store.lock:
            drained = store.changed.wait_for(
                lambda: store.run(due, (self._world.now(),))[0]["n"] == 0,
                timeout=_number(fields, "timeout_s", 10),
            )
        if not drained:
            raise ApiError(409, "Webhooks are still waiting: does the address answer 2xx?")
        return {"drained": True}

    def _deliver(self, object_id: str, fields: dict[str, Any]) -> Any:
        """{"copies": n, "variant": …}: send an event again at once; the answers come back here."""
        variant = _choice(fields, "variant", webhooks.VARIANTS, "faithful")
        copies = _number(fields, "copies", 1)
        self._world.get("event", object_id)
        outcomes = [self._sender.send(object_id, variant) for _ in range(copies)]
        return [{"status": outcome.status, "note": outcome.note} for outcome in outcomes]

    # banks

    def _settle(self, object_id: str, fields: dict[str, Any]) -> Any:
        """{"outcome": succeeded|failed}: the bank answers for a debit."""
        outcome = _choice(fields, "outcome", ("succeeded", "failed"), "succeeded")
        with self._world.store.transaction():
            session = self._world.get("checkout.session", object_id)
            sessions.settle(self._world, session, arrived=outcome == "succeeded")
        return self._world.present(session)

    def _open_dispute(self, object_id: str, fields: dict[str, Any]) -> Any:
        """{"payment_intent": id, "amount": n, "reason": …}: a cardholder's bank disputes."""
        amount = _number(fields, "amount") if "amount" in fields else None
        with self._world.store.transaction():
            dispute = disputes.open_dispute(
                self._world,
                str(fields.get("payment_intent", "")),
                amount=amount,
                reason=str(fields.get("reason", "fraudulent")),
            )
        return self._world.present(dispute)

    def _close_dispute(self, object_id: str, fields: dict[str, Any]) -> Any:
        """{"outcome": won|lost}: the bank decides."""
        outcome = _choice(fields, "outcome", ("won", "lost"), "lost")
        with self._world.store.transaction():
            dispute = disputes.close_dispute(self._world, object_id, won=outcome == "won")
        return self._world.present(dispute)

    # faults

    def _plan_fault(self, object_id: str, fields: dict[str, Any]) -> Any:
        """{"kind": …, "times": n, "method": "post", "path": prefix}: the next such requests fail."""
        self._faults.plan(
            Fault(
                kind=_choice(fields, "kind", KINDS, ""),
                times=_number(fields, "times", 1),
                method=fields.get("method"),
                path=fields.get("path"),
            )
        )
        return [vars(fault) for fault in self._faults.planned()]

    def _clear_faults(self, object_id: str, fields: dict[str, Any]) -> Any:
        self._faults.clear()
        return []


def _number(fields: dict[str, Any], name: str, default: int | None = None) -> int:
    value = fields.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ApiError(400, f"{name} must be a whole number, 0 or more.", param=name)
    return value


def _choice(fields: dict[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    value = fields.get(name, default)
    if value not in choices:
        raise ApiError(400, f"{name} must be one of {', '.join(choices)}.", param=name)
    return str(value)
