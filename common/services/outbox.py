"""The transactional outbox: how rooms on the left tell rooms on the right what happened.

`emit` writes a row in the caller's transaction. The relay, run by Celery beat and after
each commit, hands every row to each receiver of its topic. A receiver's work and its
delivery row are one transaction, so an event delivered twice does its work once.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from common.models import OutboxDelivery, OutboxEvent

logger = logging.getLogger(__name__)

Receiver = Callable[[dict[str, Any]], None]
_receivers: dict[str, dict[str, Receiver]] = defaultdict(dict)


def receiver(topic: str) -> Callable[[Receiver], Receiver]:
    """Register a function of a room's receivers.py for a topic. It gets the payload."""

    def register(function: Receiver) -> Receiver:
        _receivers[topic][f"{function.__module__}.{function.__qualname__}"] = function
        return function

    return register


def emit(topic: str, key: str, payload: dict[str, Any] | None = None) -> None:
    """Write an event, once per `key`; a second emit of the same key does nothing."""
    emit_all([(topic, key, payload or {})])


def emit_all(events: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
    """`emit` for several events (topic, key, payload) at once, in this order."""
    OutboxEvent.objects.bulk_create(
        [OutboxEvent(topic=topic, key=key[:200], payload=payload) for topic, key, payload in events],
        ignore_conflicts=True,
    )
    transaction.on_commit(_relay_soon, robust=True)


def relay(*, limit: int = 200) -> int:
    """Deliver waiting events in order of writing; returns how many were fully delivered."""
    now = timezone.now()
    waiting = OutboxEvent.objects.filter(relayed_at__isnull=True).exclude(not_before__gt=now)
    return sum(_deliver(event_id) for event_id in waiting.order_by("id").values_list("id", flat=True)[:limit])


def _relay_soon() -> None:
    from common.tasks import relay_outbox  # noqa: PLC0415 - tasks lie above services

    relay_outbox.delay()


def _deliver(event_id: int) -> bool:
    with transaction.atomic():
        event = (
            OutboxEvent.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(id=event_id, relayed_at__isnull=True)
            .first()
        )
        if event is None:
            return False
        done = set(event.deliveries.values_list("receiver", flat=True))
        errors = [
            _call(event, name, function) for name, function in _receivers[event.topic].items() if name not in done
        ]
        failures = [error for error in errors if error]
        event.attempts += 1
        event.last_error = "\n".join(failures)
        if failures:
            event.not_before = timezone.now() + timedelta(seconds=min(2**event.attempts, 3600))
        else:
            event.relayed_at = timezone.now()
        event.save()
        return not failures


def _call(event: OutboxEvent, name: str, function: Receiver) -> str:
    """Run one receiver with its delivery row; returns the error text, empty when it worked."""
    try:
        with transaction.atomic():
            OutboxDelivery.objects.create(event=event, receiver=name)
            function(event.payload)
            connection.check_constraints()
    except Exception as error:
        logger.exception("receiver failed", extra={"receiver": name, "event": event.key})
        return f"{name}: {error!r}"
    return ""
