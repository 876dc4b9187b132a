"""Asking for pictures, cancelling, showing and hiding them."""

import math
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import Permission
from accounts.models import Namespace, User
from accounts.principal import Principal
from accounts.selectors import reachable_namespaces
from common.addresses import absolute
from common.errors import Conflict, Forbidden, PaymentRequired, TooManyRequests, Unauthenticated, Unavailable
from common.money import format_money
from common.services import audit
from common.signing import digest
from hub.algorithms.usage import LORA_FILE
from hub.models import Repository, Webhook
from hub.services.announcements import News, tell
from inference import rules, selectors
from inference.algorithms import policy, pricing
from inference.enums import MOVES, Billing, FailureCode, GenerationState
from inference.errors import Unprocessable
from inference.models import Generation, GenerationFinder, GenerationLora, InputImage, Picture
from inference.selectors.safety import age_of, policy_in_force
from inference.services.planning import Plan, Wanted, plan
from licensing.selectors.grants import grant_for

LONGEST_DEADLINE = 24 * 3600  # seconds


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
    deadline: int | None = None,
    webhook: Webhook | None = None,
) -> Generation:
    """Put a generation into the queue; a second call with the same key returns the first one.

    A person under their own name draws free within the daily allowance, then on credits; an
    organisation pays by credits. Nothing is taken before success. A prompt against the
    safety policy gives a generation in the state `refused`, with the verdict. What is not
    ready within `deadline` seconds ends as failed and costs nothing. The end is told to `webhook`.

    Raises Unauthenticated, Forbidden (role, token, licence), the refusals of `plan`,
    Conflict for a key used for something else, TooManyRequests, PaymentRequired, Unavailable
    when the engines are full.
    """
    if principal.user is None:
        raise Unauthenticated(_("Log in to make pictures."), hint=_("Programs send an access token."))
    billed = billed or _payer(principal, principal.user.namespace)
    if not rules.may_generate(principal, billed):
        raise Forbidden(
            _("You may not spend for %(name)s with this credential.") % {"name": billed.name},
            hint=_(
                "Use an access token with write scope or the permission “generate pictures”, or ask an administrator"
                " for the role of a writer."
            ),
        )
    # One request at a time for each payer and each person, so that allowances cannot be overdrawn.
    _lock(billed, principal.user.namespace)
    hook = None if webhook is None else webhook.key
    asked = {"webhook": hook, "model": model, "revision": revision, "billed": billed.name, "deadline": deadline}
    request_digest = digest({"wanted": wanted.to_json(), "currency": currency} | asked)
    if idempotency_key and (known := _known(principal, idempotency_key, request_digest)):
        return known
    settled = plan(principal, wanted, model=model, revision=revision, currency=currency)
    # Before the verdict: who is refused by the policy must not be able to try without end.
    _require_rate(principal, settled.parameters["count"])
    grant = _grant_of_use(billed, settled.repository, settled.commit, settled.licence)
    loras, finder = _lora_rows(billed, settled), _finder_row(billed, settled)
    generation = Generation(
        owner=principal.user,
        billed=billed,
        repository=settled.repository,
        model_name=settled.repository.full_name,
        commit=settled.commit,
        licence=settled.licence,
        grant_of_use=grant,
        currency=settled.currency,
        idempotency_key=idempotency_key or None,
        request_digest=request_digest,
        deadline=_deadline(deadline),
        webhook=webhook,
        token=principal.token,
        **settled.parameters,
    )
    verdict = policy.verdict(generation.words, by=policy_in_force(), age=age_of(principal))
    generation.verdict = verdict.to_json()
    if not verdict.allowed:
        return _refuse(generation, loras, finder, by=principal)
    _require_pictures_to_give_out(principal.user)
    _require_engine()
    generation.billing, generation.price = _billing(principal, billed, settled)
    generation.sent_at = timezone.now()
    _save(generation, loras, finder)
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
        generation.not_before = None
    if state != GenerationState.RUNNING:
        generation.place = generation.place_seconds = None
    if state.is_final and generation.webhook is not None:
        tell(generation.webhook, _news(generation))


def _news(generation: Generation) -> News:
    address = absolute(f"/api/generations/{generation.pk}")
    facts = {
        "id": generation.pk,
        "state": generation.state,
        "model": generation.model_name,
        "revision": generation.commit,
        "error": generation.failure,
        "price": generation.price if generation.state == GenerationState.SUCCEEDED else 0,
        "currency": generation.currency,
        "url": address,
    }
    return News(f"generation.ended:{generation.pk}", "generation", generation.model_name, {"generation": facts})


def send(generation_id: str) -> None:
    """Hand it to the engine's queue."""
    from inference.tasks import generate_picture  # noqa: PLC0415 - tasks lie above services

    generate_picture.delay(generation_id)


def _lock(*namespaces: Namespace) -> None:
    keys = sorted({namespace.pk for namespace in namespaces})
    list(Namespace.objects.select_for_update().filter(pk__in=keys).order_by("pk"))


def _known(principal: Principal, key: str, request_digest: str) -> Generation | None:
    """Keys are the person's: also those used with credentials that reach further than this one."""
    used = Generation.objects.filter(owner=principal.user, idempotency_key=key)
    known = selectors.generations_of(principal).filter(pk__in=used.filter(request_digest=request_digest)).first()
    if known is None and used.exists():
        raise Conflict(
            _("This idempotency key was used for another request."),
            hint=_("Use a new key for a new request."),
            code="idempotency_key_reused",
        )
    return known


def _deadline(seconds: int | None) -> datetime | None:
    if seconds is None:
        return None
    if not 1 <= seconds <= LONGEST_DEADLINE:
        raise Unprocessable(
            _("The deadline lies between 1 and %(most)d seconds from now.") % {"most": LONGEST_DEADLINE},
            hint=_("Change it, or leave it out."),
            field="deadline",
        )
    return timezone.now() + timedelta(seconds=seconds)


def _require_engine() -> None:
    """While engines turn requests away, new ones are told so instead of being let wait in vain."""
    seconds = selectors.seconds_until_engine()
    if seconds:
        raise Unavailable(
            _("The engines are full; %(waiting)d requests wait.") % {"waiting": selectors.waiting_count()},
            hint=_("Try again in %(seconds)d seconds.") % {"seconds": seconds},
            code="engines_full",
            retry_after=seconds,
            queue_position=selectors.waiting_count() + 1,
        )


def _require_pictures_to_give_out(user: User) -> None:
    """What is withheld is not billed (106), so it has a bound of its own (111)."""
    seconds = selectors.seconds_of_withholding(user)
    if seconds:
        raise TooManyRequests(
            _("%(number)d of your pictures were withheld within an hour: nothing more is drawn for now.")
            % {"number": settings.WITHHELD_PICTURES_PER_HOUR},
            hint=_("Wait %(minutes)d minutes, and ask for something else.") % {"minutes": math.ceil(seconds / 60)},
            code="too_many_withheld",
            retry_after=seconds,
        )


def _lora_rows(billed: Namespace, settled: Plan) -> list[GenerationLora]:
    return [
        GenerationLora(
            position=position,
            repository=lora.repository,
            model_name=lora.repository.full_name,
            commit=lora.commit,
            file=LORA_FILE,
            scale=lora.scale,
            licence=lora.licence,
            grant_of_use=_grant_of_use(billed, lora.repository, lora.commit, lora.licence),
        )
        for position, lora in enumerate(settled.loras)
    ]


def _finder_row(billed: Namespace, settled: Plan) -> GenerationFinder | None:
    search = settled.search
    if search is None:
        return None
    return GenerationFinder(
        grow_mask=search.grow_mask,
        repository=search.repository,
        model_name=search.repository.full_name,
        commit=search.commit,
        licence=search.licence,
        grant_of_use=_grant_of_use(billed, search.repository, search.commit, search.licence),
        price=search.price,
    )


def _payer(principal: Principal, own: Namespace) -> Namespace:
    """The person, unless their token may spend for one other name alone: then stock clients, which cannot say who
    pays, mean that one."""
    if principal.token is None or rules.may_generate(principal, own):
        return own
    reached = list(reachable_namespaces(principal, Permission.INFERENCE)[:2])
    return reached[0] if len(reached) == 1 else own


def _grant_of_use(billed: Namespace, repository: Repository, commit: str, licence: str) -> str:
    """The grant under which an organisation uses this version of the model; empty when none is needed."""
    if not rules.needs_grant_of_use(billed, repository, licence):
        return ""
    grant = grant_for(billed, repository, commit)
    if grant is None and grant_for(billed, repository) is not None:
        raise Forbidden(
            _("The licence that %(name)s holds for %(model)s does not cover this version.")
            % {"name": billed.name, "model": repository.full_name},
            hint=_("Name a version that it covers as the revision, or buy a licence that covers later ones."),
            code="licence_needed",
        )
    if grant is None:
        raise Forbidden(
            _("%(name)s has no licence for commercial use of %(model)s.")
            % {"name": billed.name, "model": repository.full_name},
            hint=_("Buy one from the model's page, or draw under your own name for research."),
            code="licence_needed",
        )
    return str(grant.pk)


def _save(generation: Generation, loras: list[GenerationLora], finder: GenerationFinder | None) -> None:
    """With its LoRAs and its finder; the images it is drawn from are in use from now on."""
    for field in ("image", "mask"):
        key = getattr(generation, f"{field}_id")
        # Also a lock: what is swept in this moment is refused here, or stays.
        if key and not InputImage.objects.filter(pk=key).update(used_at=timezone.now()):
            raise Unprocessable(_("There is no such image among yours."), hint=_("Give the image itself."), field=field)
    generation.save()
    for lora in loras:
        lora.generation = generation
    GenerationLora.objects.bulk_create(loras)
    if finder is not None:
        finder.generation = generation
        finder.save()


def _refuse(
    generation: Generation, loras: list[GenerationLora], finder: GenerationFinder | None, *, by: Principal
) -> Generation:
    generation.billing = Billing.FREE
    move(generation, GenerationState.REFUSED, failure=FailureCode.POLICY)
    _save(generation, loras, finder)
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
    _require_budget(principal, settled)
    return Billing.CREDITS, settled.price


def _require_rate(principal: Principal, count: int) -> None:
    """The caller holds the lock of the person, so nobody asks with the same token meanwhile."""
    token = principal.token
    if token is None or token.per_minute is None:
        return
    if count > token.per_minute:
        raise Unprocessable(
            _("This access token may ask for %(most)d pictures a minute.") % {"most": token.per_minute},
            hint=_("Ask for fewer, or change its limits at /settings/tokens."),
            field="count",
        )
    asked, seconds = selectors.pictures_in_a_minute(token)
    if asked + count > token.per_minute:
        raise TooManyRequests(
            _("This access token may ask for %(most)d pictures a minute.") % {"most": token.per_minute},
            hint=_("Wait %(seconds)d seconds, or change its limits at /settings/tokens.") % {"seconds": seconds},
            code="token_rate",
            retry_after=seconds,
        )


def _require_budget(principal: Principal, settled: Plan) -> None:
    token = principal.token
    left = None if token is None else selectors.budget_left(token)
    if token is None or left is None:
        return
    if token.budget_currency != settled.currency:
        raise Unprocessable(
            _("The budget of this access token is in %(currency)s.") % {"currency": token.budget_currency.upper()},
            hint=_("Pay in that currency."),
            field="currency",
        )
    if settled.price > left:
        raise PaymentRequired(
            _("This costs %(price)s, and this access token may spend %(left)s more in this month.")
            % {
                "price": format_money(settled.price, settled.currency),
                "left": format_money(max(0, left), settled.currency),
            },
            hint=_("Raise its budget at /settings/tokens, or use another token."),
            code="token_budget",
        )
