"""Asking for pictures, cancelling, showing and hiding them."""

import secrets
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, PaymentRequired, Refusal, TooManyRequests, Unauthenticated
from common.money import format_money
from common.services import audit
from common.signing import digest
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors import head_commit, repository_for, require_contents
from hub.selectors.lineage import licence_of
from inference import rules, selectors
from inference.algorithms import policy, pricing
from inference.algorithms.profiles import MAX_GUIDANCE, MAX_PICTURES, MAX_PROMPT, MAX_SEED, MAX_SIDE, MAX_STEPS
from inference.enums import MOVES, Billing, FailureCode, GenerationState
from inference.errors import Unprocessable
from inference.models import Generation, Picture
from licensing.selectors.grants import grant_for

LIMITS: dict[str, tuple[int, int | float]] = {
    "seed": (0, MAX_SEED),
    "steps": (1, MAX_STEPS),
    "guidance": (0, MAX_GUIDANCE),
    "width": (1, MAX_SIDE),
    "height": (1, MAX_SIDE),
    "count": (1, MAX_PICTURES),
}


@dataclass(frozen=True)
class Wanted:
    """What to draw; None means the model's own value (a new seed for `seed`)."""

    prompt: str
    negative_prompt: str = ""
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    count: int = 1


@dataclass(frozen=True)
class Plan:
    """Everything settled about a request, before anything is written."""

    repository: Repository
    commit: str
    licence: str
    parameters: dict[str, Any]
    price: int
    currency: str


def plan(
    principal: Principal,
    wanted: Wanted,
    *,
    model: str,
    revision: str = "main",
    currency: str = pricing.DEFAULT_CURRENCY,
) -> Plan:
    """Resolve model, version, parameters and price. Writes nothing.

    Raises the hub's refusals for models that are missing or hidden, and Unprocessable for
    parameters that mean nothing.
    """
    repository = _model_named(principal, model)
    commit = head_commit(repository, revision)
    if commit is None:
        raise Unprocessable(
            _("This model has no version %(revision)s.") % {"revision": revision},
            hint=_("Leave the revision out to use the newest one."),
            field="revision",
        )
    parameters = _parameters(repository, commit, wanted)
    if currency not in pricing.RATES:
        raise Unprocessable(_("There is no price in this currency."), hint=_("Use eur or usd."), field="currency")
    sizes = {name: parameters[name] for name in ("width", "height", "steps", "guidance", "count")}
    price = pricing.price(currency=currency, **sizes)
    return Plan(repository, commit, licence_of(repository), parameters, price, currency)


@transaction.atomic
def request_generation(
    principal: Principal,
    wanted: Wanted,
    *,
    model: str,
    revision: str = "main",
    billed: Namespace | None = None,
    currency: str = pricing.DEFAULT_CURRENCY,
    idempotency_key: str = "",
) -> Generation:
    """Put a generation into the queue; a second call with the same key returns the first one.

    A person under their own name draws free within the daily allowance, then on credits; an
    organisation pays by credits. Nothing is taken before success. A prompt against the
    safety policy gives a generation in the state `refused`, with the verdict.

    Raises Unauthenticated, Forbidden (role, token, licence), the refusals of `plan`,
    Conflict for a key used for something else, TooManyRequests, PaymentRequired.
    """
    if principal.user is None:
        raise Unauthenticated(_("Log in to make pictures."), hint=_("Programs send an access token."))
    billed = billed or principal.user.namespace
    if not rules.may_generate(principal, billed):
        raise Forbidden(
            _("You may not spend for %(name)s with this credential.") % {"name": billed.name},
            hint=_("Use an access token with write scope, or ask an administrator for the role of a writer."),
        )
    # One request at a time for each payer and each person, so that allowances cannot be overdrawn.
    _lock(billed, principal.user.namespace)
    request_digest = digest({"wanted": vars(wanted), "model": model, "revision": revision, "billed": billed.name})
    if idempotency_key and (known := _known(principal, idempotency_key, request_digest)):
        return known
    settled = plan(principal, wanted, model=model, revision=revision, currency=currency)
    grant = _grant_of_use(billed, settled)
    verdict = policy.verdict(wanted.prompt)
    generation = Generation(
        owner=principal.user,
        billed=billed,
        repository=settled.repository,
        model_name=settled.repository.full_name,
        commit=settled.commit,
        licence=settled.licence,
        grant_of_use=grant,
        verdict=verdict.to_json(),
        currency=settled.currency,
        idempotency_key=idempotency_key or None,
        request_digest=request_digest,
        **settled.parameters,
    )
    if not verdict.allowed:
        return _refuse(generation, by=principal)
    generation.billing, generation.price = _billing(principal, billed, settled)
    generation.sent_at = timezone.now()
    generation.save()
    transaction.on_commit(lambda: send(generation.pk), robust=True)
    return generation


@transaction.atomic
def cancel(generation: Generation, *, by: Principal) -> Generation:
    """At once while it waits, after the current step while it runs; nothing is billed."""
    generation = Generation.objects.select_for_update(of=("self",)).get(pk=generation.pk)
    if not rules.may_change(by, generation):
        raise Forbidden(_("Only the person who asked for it can cancel it."))
    if generation.is_final:
        raise Conflict(_("It has ended already."), hint=_("Open its page to see how."))
    if generation.state == GenerationState.QUEUED:
        move(generation, GenerationState.CANCELLED)
    else:
        generation.cancel_asked = True
    generation.save()
    return generation


@transaction.atomic
def set_public(picture: Picture, *, public: bool, by: Principal) -> Picture:
    """Show a picture with its parameters to everybody, or hide it again."""
    picture = Picture.objects.select_for_update(of=("self",)).select_related("generation").get(pk=picture.pk)
    if not rules.may_change(by, picture.generation):
        raise Forbidden(_("Only the person who asked for it can show or hide it."))
    if picture.is_public != public:
        picture.is_public = public
        picture.save(update_fields=["is_public"])
        audit.record("picture.shown" if public else "picture.hidden", str(picture), actor=by)
    return picture


def move(generation: Generation, state: GenerationState, *, failure: str = "", detail: str = "") -> None:
    """The one door for a change of state; the caller holds the lock and saves."""
    if state not in MOVES[GenerationState(generation.state)]:
        raise Conflict(
            _("A generation that is %(from)s cannot become %(to)s.")
            % {
                "from": GenerationState(generation.state).label,
                "to": state.label,
            }
        )
    generation.state = state
    generation.failure = failure
    generation.failure_detail = detail[:300]
    if state.is_final:
        generation.finished_at = timezone.now()
        generation.lease_until = None


def send(generation_id: str) -> None:
    """Hand it to the engine's queue."""
    from inference.tasks import generate_picture  # noqa: PLC0415 - tasks lie above services

    generate_picture.delay(generation_id)


def _lock(*namespaces: Namespace) -> None:
    keys = sorted({namespace.pk for namespace in namespaces})
    list(Namespace.objects.select_for_update().filter(pk__in=keys).order_by("pk"))


def _known(principal: Principal, key: str, request_digest: str) -> Generation | None:
    known = selectors.generations_of(principal).filter(idempotency_key=key).first()
    if known is not None and known.request_digest != request_digest:
        raise Conflict(
            _("This idempotency key was used for another request."),
            hint=_("Use a new key for a new request."),
            code="idempotency_key_reused",
        )
    return known


def _grant_of_use(billed: Namespace, settled: Plan) -> str:
    """The grant under which an organisation uses the model; empty when none is needed."""
    if not rules.needs_grant_of_use(billed, settled.repository, settled.licence):
        return ""
    grant = grant_for(billed, settled.repository)
    if grant is None:
        raise Forbidden(
            _("%(name)s has no licence for commercial use of %(model)s.")
            % {"name": billed.name, "model": settled.repository.full_name},
            hint=_("Buy one from the model's page, or draw under your own name for research."),
            code="licence_needed",
        )
    return str(grant.pk)


def _refuse(generation: Generation, *, by: Principal) -> Generation:
    generation.billing = Billing.FREE
    move(generation, GenerationState.REFUSED, failure=FailureCode.POLICY)
    generation.save()
    audit.record("generation.refused", str(generation), actor=by, verdict=generation.verdict)
    return generation


def _billing(principal: Principal, billed: Namespace, settled: Plan) -> tuple[Billing, int]:
    assert principal.user is not None
    count = settled.parameters["count"]
    if selectors.pictures_under_way(principal.user) + count > settings.PICTURES_UNDER_WAY:
        raise TooManyRequests(
            _("You have %(number)d pictures under way, the most at one time.")
            % {"number": settings.PICTURES_UNDER_WAY},
            hint=_("Wait until some are ready."),
            retry_after=10,
        )
    free = 0 if billed.is_organisation else selectors.free_pictures_left(principal.user)
    if free >= count:
        return Billing.FREE, 0
    left = selectors.credits_left(billed, settled.currency)
    if left < settled.price:
        raise PaymentRequired(
            _("This costs %(price)s and %(left)s are left on the credits of %(name)s.")
            % {
                "price": format_money(settled.price, settled.currency),
                "left": format_money(left, settled.currency),
                "name": billed.name,
            },
            hint=_("Buy credits at /credits, or draw under your own name within the daily free allowance."),
            code="credits_too_low",
        )
    return Billing.CREDITS, settled.price


def _model_named(principal: Principal, name: str) -> Repository:
    """By its name, or by one that it had before."""
    try:
        found = repository_for(principal, RepositoryKind.MODEL, name)
    except Refusal as refusal:
        if refusal.code != "moved":
            raise
        found = repository_for(principal, RepositoryKind.MODEL, str(refusal.hint))
    require_contents(principal, found)
    return found


def _parameters(repository: Repository, commit: str, wanted: Wanted) -> dict[str, Any]:
    """The wish with the model's own values in its gaps, checked."""
    profile = selectors.profile(repository, commit)
    if profile is None:
        raise Unprocessable(
            _("%(model)s is not a text-to-image pipeline.") % {"model": repository.full_name},
            hint=_("Choose a model from the Studio's list."),
            field="model",
        )
    numbers: dict[str, int | float] = {
        "seed": secrets.randbelow(MAX_SEED) if wanted.seed is None else wanted.seed,
        "steps": profile.steps if wanted.steps is None else wanted.steps,
        "guidance": float(profile.guidance if wanted.guidance is None else wanted.guidance),
        "width": profile.width if wanted.width is None else wanted.width,
        "height": profile.height if wanted.height is None else wanted.height,
        "count": wanted.count,
    }
    _check_texts(wanted)
    _check_numbers(numbers, unit=profile.unit)
    return {"prompt": wanted.prompt, "negative_prompt": wanted.negative_prompt, **numbers}


def _check_texts(wanted: Wanted) -> None:
    if not wanted.prompt.strip():
        raise Unprocessable(_("The prompt is empty."), hint=_("Say what to draw."), field="prompt")
    for field, text in (("prompt", wanted.prompt), ("negative_prompt", wanted.negative_prompt)):
        if len(text) > MAX_PROMPT or "\x00" in text:
            raise Unprocessable(
                _("The text is longer than %(most)d characters, or holds one that is not allowed.")
                % {"most": MAX_PROMPT},
                hint=_("Shorten it."),
                field=field,
            )


def _check_numbers(numbers: dict[str, int | float], *, unit: int) -> None:
    for field, (least, most) in LIMITS.items():
        if not least <= numbers[field] <= most:
            raise Unprocessable(
                _("%(field)s must lie between %(least)s and %(most)s.")
                % {"field": field, "least": least, "most": most},
                hint=_("Change it and try again."),
                field=field,
            )
    for field in ("width", "height"):
        if numbers[field] % unit:
            raise Unprocessable(
                _("%(field)s must be a multiple of %(unit)d for this model.") % {"field": field, "unit": unit},
                hint=_("Change it, or leave it out for the model's own size."),
                field=field,
            )
