"""A generation in the hands of a worker: claimed, alive, ended. Every call may come twice or late.

A claim raises `attempt` and sets a lease that heartbeats extend. A worker that lost its
lease can no longer write, because its attempt is no longer the current one.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from common.errors import PaymentRequired
from common.services import audit, outbox
from hub.selectors.lineage import attribution_graph
from inference.algorithms.policy import Verdict
from inference.enums import Billing, FailureCode, GenerationState
from inference.models import Generation, Picture
from inference.selectors import was_taken_away
from inference.services.files import keep_file
from inference.services.generations import move, send
from inference.services.repeating import reproduces
from revenue.services.credits import Part, spend

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 3
# A message can be lost with its queue; the row cannot. Sending twice is harmless.
SEND_AGAIN_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Drawn:
    """One finished picture: PNG bytes, the parameters that make it again, and what `marking` says of it.

    Or one sound: WAV bytes, its `seconds`, and its spectrogram as PNG of this width and height.
    """

    content: bytes
    sha256: str
    width: int
    height: int
    parameters: dict[str, Any]
    drawn_sha256: str = ""
    mark: int | None = None
    credentials_failure: str = ""
    seconds: float | None = None
    spectrogram: bytes = b""


@transaction.atomic
def claim(generation_id: str) -> Generation | None:
    """Take it up; None when it ended, was cancelled, came too late, or another worker holds it."""
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
    if _expired(generation):
        return None
    if generation.not_before is not None and generation.not_before > timezone.now():
        return None
    move(generation, GenerationState.RUNNING)
    generation.attempt += 1
    generation.steps_done = 0
    generation.started_at = timezone.now()
    generation.lease_until = _lease()
    generation.save()
    return generation


def beat(
    generation: Generation, *, steps_done: int, place: int | None = None, place_seconds: float | None = None
) -> bool:
    """Extend the lease and tell the progress, or the place inside of the engine; False when the worker must stop."""
    mine = Generation.objects.filter(pk=generation.pk, attempt=generation.attempt, state=GenerationState.RUNNING)
    facts = {"steps_done": steps_done, "place": place, "place_seconds": place_seconds}
    return bool(mine.filter(cancel_asked=False).update(lease_until=_lease(), **facts))


@transaction.atomic
def postpone(generation: Generation, *, seconds: float) -> Generation | None:
    """The engine is full: back into the queue, for at least so long. It counts as no attempt.

    None when the attempt is no longer current.
    """
    current = _current(generation)
    if current is None:
        return None
    move(current, GenerationState.CANCELLED if current.cancel_asked else GenerationState.QUEUED)
    current.postponed += 1
    current.lease_until = None
    current.not_before = None if current.is_final else timezone.now() + timedelta(seconds=seconds)
    current.save()
    return current


def succeed(
    generation: Generation, pictures: list[Drawn], *, timings: dict[str, Any], verdict: Verdict | None = None
) -> Generation | None:
    """Keep the pictures and take the money, both or neither.

    None, and nothing kept, when the attempt is no longer current, was cancelled meanwhile, came too late, or drew
    what a decision about a report took away.

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
            seconds=drawn.seconds,
            parameters=drawn.parameters,
            age=generation.verdict.get("age", 0) if verdict is None else verdict.age,
            drawn_sha256=drawn.drawn_sha256,
            mark=drawn.mark,
            credentials_failure=drawn.credentials_failure,
            reproduces=reproduces(generation, position, drawn.drawn_sha256),
        )
        for position, drawn in enumerate(pictures)
    ]
    for row, drawn in zip(rows, pictures, strict=True):
        keep_file(row.path, drawn.content)
        if row.is_sound:
            keep_file(row.image_path, drawn.spectrogram)
    try:
        ended = _succeed(generation, rows, timings, verdict)
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
def refuse(generation: Generation, code: FailureCode, *, verdict: Verdict | None = None) -> Generation | None:
    """End it because of what its pictures show, without a bill; None when the attempt is no longer current."""
    current = _current(generation)
    if current is None:
        return None
    current.verdict = current.verdict if verdict is None else verdict.to_json()
    return _refuse(current, code)


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
    unsent = Q(state=GenerationState.QUEUED, not_before=None, sent_at__lt=now - SEND_AGAIN_AFTER)
    postponed = Q(state=GenerationState.QUEUED, not_before__lte=now)
    too_late = Q(state=GenerationState.QUEUED, deadline__lt=now)
    found = list(
        Generation.objects.filter(lost | unsent | postponed | too_late)
        .order_by("created_at")
        .values_list("pk", flat=True)[:500]
    )
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
    if not generation.is_final and _expired(generation):
        return False
    generation.sent_at = timezone.now()
    generation.not_before = None
    generation.lease_until = None
    generation.save()
    if not generation.is_final:
        transaction.on_commit(lambda: send(generation_id), robust=True)
    return True


@transaction.atomic
def _succeed(
    generation: Generation, rows: list[Picture], timings: dict[str, Any], verdict: Verdict | None
) -> Generation | None:
    current = _current(generation)
    if current is None:
        return None
    if current.cancel_asked:
        # Whoever cancelled was told that nothing is billed, however late it was.
        move(current, GenerationState.CANCELLED)
        current.save()
        return None
    if _expired(current):
        return None
    if was_taken_away(row.drawn_sha256 for row in rows):
        _refuse(current, FailureCode.TAKEN_AWAY)
        return None
    if current.billing == Billing.CREDITS:
        spend(
            current.billed,
            amount=current.price,
            currency=current.currency,
            key=f"generation:{current.pk}",
            parts=_parts(current),
            memo=f"{current.count} {'sounds' if current.is_sound else 'pictures'} by {current.model_name}",
        )
    move(current, GenerationState.SUCCEEDED)
    current.steps_done = current.steps_total
    current.timings = timings
    current.verdict = current.verdict if verdict is None else verdict.to_json()
    current.save()
    Picture.objects.bulk_create(rows)
    payload = {
        "generation": current.pk,
        "model": current.model_name,
        "commit": current.commit,
        "task": current.task,
        "loras": [use.parameters for use in current.loras.all()],
        "finder": _found(current),
        "pictures": current.count,
        "billing": current.billing,
        "price": current.price,
        "currency": current.currency,
    }
    outbox.emit("generation.succeeded", f"generation.succeeded:{current.pk}", payload)
    return current


def _found(current: Generation) -> dict[str, Any] | None:
    """The second model that was called, and its part of the price; None without one."""
    used = current.found_by
    if used is None:
        return None
    price = used.price if current.billing == Billing.CREDITS else 0
    return {"model": used.model_name, "commit": used.commit, "price": price}


def _refuse(current: Generation, code: FailureCode) -> Generation:
    move(current, GenerationState.REFUSED, failure=code)
    current.save()
    audit.record("generation.refused", str(current), actor=current.owner, code=code, verdict=current.verdict)
    return current


def _parts(generation: Generation) -> list[Part]:
    """What finding costs goes to the finder's makers. Of the rest half is the model's, the other half that of the
    LoRAs of others whose makers are known (088)."""
    model, used = None, generation.found_by
    finders = []
    if used is not None:
        graph = None if used.repository is None else attribution_graph(used.repository, used.commit)
        finders = [Part(used.price, graph)]
    price = generation.price - sum(part.amount for part in finders)
    if generation.repository is not None:
        model = attribution_graph(generation.repository, generation.commit)
    own = {generation.billed_id, generation.owner.namespace.pk}
    adapters = [(use.repository, use.commit) for use in generation.loras.select_related("repository")]
    loras = [
        graph
        for lora, commit in adapters
        if lora is not None and lora.namespace_id not in own
        if (graph := attribution_graph(lora, commit)) is not None
    ]
    if not loras:
        return [Part(price, model), *finders]
    each = price // 2 // len(loras)
    return [Part(price - each * len(loras), model), *(Part(each, graph) for graph in loras), *finders]


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
    if generation.attempt - generation.postponed < MAX_ATTEMPTS:
        return False
    move(generation, GenerationState.FAILED, failure=FailureCode.LOST)
    generation.save()
    audit.record("generation.failed", str(generation), code=FailureCode.LOST)
    return True


def _expired(generation: Generation) -> bool:
    """End what is not ready, and whose deadline has passed."""
    if generation.deadline is None or generation.deadline > timezone.now():
        return False
    move(generation, GenerationState.FAILED, failure=FailureCode.EXPIRED)
    generation.save()
    audit.record("generation.failed", str(generation), code=FailureCode.EXPIRED)
    return True


def _lease() -> Any:
    return timezone.now() + timedelta(seconds=settings.GENERATION_LEASE_SECONDS)


def _forget(rows: list[Picture]) -> None:
    for row in rows:
        row.path.unlink(missing_ok=True)
        row.image_path.unlink(missing_ok=True)
