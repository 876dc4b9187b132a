"""For clients that wait for the picture in the answer: watches a generation without holding the database."""

import time
from collections.abc import Iterator

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, PaymentRequired, Refusal, Unavailable
from common.places import Places
from inference import selectors
from inference.enums import FailureCode, GenerationState
from inference.errors import Unprocessable
from inference.models import Generation
from inference.services import generations

LOOK_EVERY = 0.2
places = Places(settings.GENERATION_WAITERS)


def too_many() -> Unavailable:
    return Unavailable(
        _("Too many clients wait for pictures through this process."),
        hint=_("Try again in a few seconds, or ask by POST /api/generations and look in from time to time."),
        retry_after=5,
    )


def watch(generation_id: str, *, seconds: float) -> Iterator[Generation]:
    """The generation whenever it changed, the first time at once; ends when it ended or time is over.

    Between two looks the connection goes back, so that many can wait on few connections.
    """
    deadline = time.monotonic() + seconds
    told: tuple[object, ...] = ()
    while True:
        generation = (
            Generation.objects.select_related("billed", "finder")
            .prefetch_related("pictures", "loras")
            .get(pk=generation_id)
        )
        facts = (generation.state, generation.steps_done, generation.attempt, generation.place)
        if facts != told:
            told = facts
            yield generation
        if generation.is_final or time.monotonic() > deadline:
            return
        let_go()
        time.sleep(LOOK_EVERY)


def finished(generation: Generation, *, keep: bool, by: Principal) -> Generation:
    """The generation with its pictures, within the time that clients wait.

    Raises what kept them from coming. What nobody can fetch later (`keep` is false) is
    cancelled when the time is over or no place is free, and then it is never billed.
    """
    try:
        places.take(too_many())
    except Refusal:
        if not keep:
            let_go_of(generation, by)
        raise
    try:
        for latest in watch(generation.pk, seconds=settings.GENERATION_WAIT_SECONDS):
            generation = latest
    finally:
        places.give_back()
    return ended(generation, keep=keep, by=by)


def ended(generation: Generation, *, keep: bool, by: Principal) -> Generation:
    """The generation if it succeeded; raises what kept it from doing so, or that it is not ready."""
    if generation.is_final:
        return _succeeded(generation, by)
    position, seconds = selectors.queue_position(generation), selectors.seconds_until_ready(generation)
    if not keep:
        try:
            generations.cancel(generation, by=by)
        except Conflict:
            # It ended in this very moment.
            return _succeeded(selectors.own_generation_for(by, generation.pk), by)
    raise Unavailable(
        _("Not ready in time; place %(position)d in the queue.") % {"position": position},
        hint=_("Repeat the request with the same Idempotency-Key to fetch it.")
        if keep
        else _("Nothing was billed. Repeat it with an Idempotency-Key header, or use POST /api/generations."),
        code="not_ready",
        retry_after=seconds,
        queue_position=position,
        generation=generation.pk,
    )


def _succeeded(generation: Generation, by: Principal) -> Generation:
    if generation.state == GenerationState.SUCCEEDED:
        for picture in generation.pictures.all():
            selectors.refuse_taken_away(by, picture)
        return generation
    raise _refusal(generation) if generation.state == GenerationState.REFUSED else _failure(generation)


def _refusal(generation: Generation) -> Unprocessable:
    """Of the prompt, or of a finished picture."""
    told = {"code": "content_policy_violation", "field": "prompt"}
    if generation.failure != FailureCode.POLICY:
        label = FailureCode(generation.failure).label
        return Unprocessable(label, hint=_("Change the prompt or the seed."), **told)
    text = _("The prompt is against the safety policy of this site: %(title)s.")
    if generation.verdict["pictures"]:
        text = _("A finished picture is against the safety policy of this site: %(title)s.")
    hint = _("Change the prompt. The policy is shown on the Studio page.")
    return Unprocessable(text % {"title": generation.verdict["title"]}, hint=hint, **told)


def _failure(generation: Generation) -> Refusal:
    """What ended it, as the refusal that says whose turn it is to change something."""
    if generation.state == GenerationState.CANCELLED:
        return Conflict(_("It was cancelled."), hint=_("Ask again."), code="cancelled")
    code = FailureCode(generation.failure or FailureCode.ENGINE)
    facts = {"hint": generation.failure_detail, "code": code.value, "generation": generation.pk}
    if code == FailureCode.LICENCE_ENDED:
        return Forbidden(code.label, **facts)
    if code in {FailureCode.BAD_PARAMETERS, FailureCode.MODEL_REFUSED, FailureCode.MODEL_GONE}:
        return Unprocessable(code.label, **facts, field=None if code == FailureCode.BAD_PARAMETERS else "model")
    if code == FailureCode.NOTHING_FOUND:
        return Unprocessable(code.label, **facts, field="search")
    if code == FailureCode.CREDITS_TOO_LOW:
        return PaymentRequired(code.label, **facts)
    return Unavailable(code.label, **facts, retry_after=5)


def let_go_of(generation: Generation, by: Principal) -> None:
    """Nobody waits for it any more, and nobody else can fetch it."""
    try:
        generations.cancel(generation, by=by)
    except Conflict:
        return
    finally:
        let_go()


def let_go() -> None:
    """Close the connection, unless a transaction is open on it (then it is not ours to close)."""
    if not connection.in_atomic_block:
        connection.close()
