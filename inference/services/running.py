"""A generation in the hands of a worker: claimed, alive, ended. Every call may come twice or late.

A claim raises `attempt` and sets a lease that heartbeats extend. A worker that lost its
lease can no longer write, because its attempt is no longer the current one.
"""

import logging
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from common.errors import PaymentRequired
from common.services import audit, outbox
from hub.selectors.lineage import attribution_graph
from inference.enums import Billing, FailureCode, GenerationState
from inference.models import Generation, Picture
from inference.services.generations import move, send
from revenue.services.credits import spend

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 3
# A message can be lost with its queue; the row cannot. Sending twice is harmless.
SEND_AGAIN_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Drawn:
    """One finished picture: PNG bytes, and the parameters that make it again."""

    content: bytes
    sha256: str
    width: int
    height: int
    parameters: dict[str, Any]


@transaction.atomic
def claim(generation_id: str) -> Generation | None:
    """Take it up; None when it ended, was cancelled, or another worker holds it."""
    generation = (
        Generation.objects.select_for_update(of=("self",))
        .select_related("owner", "billed", "repository__namespace")
        .filter(pk=generation_id)
        .first()
    )
    if generation is None or generation.is_final:
        return None
    if generation.state == GenerationState.RUNNING:
        if not _is_lost(generation):
            return None
        if _gave_up(generation):
            return None
        move(generation, GenerationState.QUEUED)
    move(generation, GenerationState.RUNNING)
    generation.attempt += 1
    generation.steps_done = 0
    generation.started_at = timezone.now()
    generation.lease_until = _lease()
    generation.save()
    return generation


def beat(generation: Generation, *, steps_done: int) -> bool:
    """Extend the lease and tell the progress; False when the worker must stop."""
    mine = Generation.objects.filter(pk=generation.pk, attempt=generation.attempt, state=GenerationState.RUNNING)
    return bool(mine.filter(cancel_asked=False).update(lease_until=_lease(), steps_done=steps_done))


def succeed(generation: Generation, pictures: list[Drawn], *, timings: dict[str, Any]) -> Generation | None:
    """Keep the pictures and take the money, both or neither.

    None, and nothing kept, when the attempt is no longer current or was cancelled meanwhile.

    The files are written and flushed before the rows, so a picture that exists can be read.
    """
    rows = [
        Picture(
            generation=generation,
            position=position,
            sha256=drawn.sha256,
            size=len(drawn.content),
            width=drawn.width,
            height=drawn.height,
            parameters=drawn.parameters,
        )
        for position, drawn in enumerate(pictures)
    ]
    for row, drawn in zip(rows, pictures, strict=True):
        _keep(row.path, drawn.content)
    try:
        ended = _succeed(generation, rows, timings)
    except PaymentRequired as refusal:
        _forget(rows)
        return fail(generation, FailureCode.CREDITS_TOO_LOW, detail=str(refusal.message))
    if ended is None:
        _forget(rows)
    return ended


@transaction.atomic
def fail(generation: Generation, code: FailureCode, *, detail: str = "") -> Generation | None:
    """End it without pictures and without a bill; None when the attempt is no longer current."""
    current = _current(generation)
    if current is None:
        return None
    move(current, GenerationState.FAILED, failure=code, detail=detail)
    current.save()
    audit.record("generation.failed", str(current), actor=current.owner, code=code, detail=detail)
    return current


@transaction.atomic
def stop_cancelled(generation: Generation) -> Generation | None:
    """The worker stopped because its owner asked; None when the attempt is no longer current."""
    current = _current(generation)
    if current is None or not current.cancel_asked:
        return None
    move(current, GenerationState.CANCELLED)
    current.save()
    return current


def reconcile() -> int:
    """Send again what no worker holds: lost with a worker, or with its message. Returns how many."""
    now = timezone.now()
    lost = Q(state=GenerationState.RUNNING, lease_until__lt=now)
    unsent = Q(state=GenerationState.QUEUED, sent_at__lt=now - SEND_AGAIN_AFTER)
    found = list(Generation.objects.filter(lost | unsent).order_by("created_at").values_list("pk", flat=True)[:500])
    return sum(_take_back(generation_id) for generation_id in found)


@transaction.atomic
def _take_back(generation_id: str) -> bool:
    generation = Generation.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=generation_id).first()
    if generation is None or generation.is_final:
        return False
    if generation.state == GenerationState.RUNNING:
        if not _is_lost(generation) or _gave_up(generation):
            return False
        logger.warning("a worker was lost", extra={"generation": generation.pk, "attempt": generation.attempt})
        move(generation, GenerationState.CANCELLED if generation.cancel_asked else GenerationState.QUEUED)
    generation.sent_at = timezone.now()
    generation.lease_until = None
    generation.save()
    if not generation.is_final:
        transaction.on_commit(lambda: send(generation_id), robust=True)
    return True


@transaction.atomic
def _succeed(generation: Generation, rows: list[Picture], timings: dict[str, Any]) -> Generation | None:
    current = _current(generation)
    if current is None:
        return None
    if current.cancel_asked:
        # Whoever cancelled was told that nothing is billed, however late it was.
        move(current, GenerationState.CANCELLED)
        current.save()
        return None
    if current.billing == Billing.CREDITS:
        graph = None if current.repository is None else attribution_graph(current.repository, current.commit)
        spend(
            current.billed,
            amount=current.price,
            currency=current.currency,
            key=f"generation:{current.pk}",
            asset=None if graph is None else graph.root,
            graph=graph,
            memo=f"{current.count} pictures by {current.model_name}",
        )
    move(current, GenerationState.SUCCEEDED)
    current.steps_done = current.steps_total
    current.timings = timings
    current.save()
    Picture.objects.bulk_create(rows)
    payload = {
        "generation": current.pk,
        "model": current.model_name,
        "commit": current.commit,
        "pictures": current.count,
        "billing": current.billing,
        "price": current.price,
        "currency": current.currency,
    }
    outbox.emit("generation.succeeded", f"generation.succeeded:{current.pk}", payload)
    return current


def _current(generation: Generation) -> Generation | None:
    """The row, locked, when this worker's attempt is the one that runs."""
    return (
        Generation.objects.select_for_update(of=("self",))
        .select_related("owner", "billed", "repository__namespace")
        .filter(pk=generation.pk, attempt=generation.attempt, state=GenerationState.RUNNING)
        .first()
    )


def _is_lost(generation: Generation) -> bool:
    return generation.lease_until is None or generation.lease_until < timezone.now()


def _gave_up(generation: Generation) -> bool:
    """End what has taken several workers with it."""
    if generation.attempt < MAX_ATTEMPTS:
        return False
    move(generation, GenerationState.FAILED, failure=FailureCode.LOST)
    generation.save()
    audit.record("generation.failed", str(generation), code=FailureCode.LOST)
    return True


def _lease() -> Any:
    return timezone.now() + timedelta(seconds=settings.GENERATION_LEASE_SECONDS)


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _forget(rows: list[Picture]) -> None:
    for row in rows:
        row.path.unlink(missing_ok=True)
