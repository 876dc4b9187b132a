"""Opening calls and filling their budgets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit
from compute.models import Flavor
from grants.algorithms import instant
from grants.enums import ChangeKind, Track
from grants.models import Call, Decision, Programme
from grants.rules import may_run_calls
from grants.services import decisions
from grants.services.changes import trace


@transaction.atomic
def open_call(
    slug: str,
    *,
    by: Principal | None,
    programme: str,
    title: str,
    track: Track,
    flavor_class: str,
    budget_gpu_seconds: int,
    largest_gpu_seconds: int,
    smallest_gpu_seconds: int = 1,
    award_days: int = 90,
    most_open_awards: int = 2,
    least_abstract_characters: int = 80,
    needs_email: bool = False,
    summary: str = "",
    questions: Sequence[dict[str, Any]] = (),
    opens_at: datetime | None = None,
    closes_at: datetime | None = None,
) -> Call:
    """Open a call; the second time under the same slug, return the first one unchanged.

    `questions` are `{"key", "label", "help", "required", "most_characters"}`. Instant calls are bound to the
    newest instant rule for good. Raises Forbidden, Invalid, and Conflict when the slug means another call.
    """
    if not may_run_calls(by):
        raise Forbidden(_("Only staff may open a call."))
    existing = Call.objects.select_for_update().filter(slug=slug).first()
    if existing is not None:
        if (existing.track, existing.flavor_class) != (track, flavor_class):
            raise Conflict(_("Another call has this name."), hint=_("Choose another slug."))
        return existing
    home, _created = Programme.objects.get_or_create(
        slug=programme, defaults={"name": programme.replace("-", " ").capitalize()}
    )
    call = Call(
        programme=home,
        slug=slug,
        title=title,
        summary=summary,
        track=track,
        opens_at=opens_at or timezone.now(),
        closes_at=closes_at,
        flavor_class=flavor_class,
        largest_gpu_seconds=largest_gpu_seconds,
        smallest_gpu_seconds=smallest_gpu_seconds,
        award_days=award_days,
        most_open_awards=most_open_awards,
        least_abstract_characters=least_abstract_characters,
        needs_email=needs_email,
        questions=[_question(question) for question in questions],
        rule_name=instant.RULE_NAME if track == Track.INSTANT else "",
        rule_version=instant.RULE_VERSION if track == Track.INSTANT else 0,
        budget_gpu_seconds=budget_gpu_seconds,
        remaining_gpu_seconds=budget_gpu_seconds,
    )
    _check(call)
    try:
        call.full_clean()
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from error
    call.save()
    audit.record("call.opened", f"call:{slug}", actor=by, budget_gpu_seconds=budget_gpu_seconds, track=track)
    return call


@transaction.atomic
def add_budget(call: Call, gpu_seconds: int, *, by: Principal | None) -> list[Decision]:
    """Raise the budget, then decide the waiting list again, in its order. Returns the new decisions."""
    call = Call.objects.select_for_update().get(pk=call.pk)
    if not may_run_calls(by):
        raise Forbidden(_("Only staff may change a budget."))
    if gpu_seconds <= 0:
        raise Invalid(_("A budget can only be raised."))
    call.budget_gpu_seconds += gpu_seconds
    call.remaining_gpu_seconds += gpu_seconds
    call.save(update_fields=["budget_gpu_seconds", "remaining_gpu_seconds"])
    trace(
        call,
        ChangeKind.BUDGET_RAISED,
        by=by,
        gpu_seconds=gpu_seconds,
        budget_gpu_seconds=call.budget_gpu_seconds,
    )
    audit.record("call.budget_raised", f"call:{call.slug}", actor=by, gpu_seconds=gpu_seconds)
    return decisions.decide_waiting(call, by=by)


def _check(call: Call) -> None:
    """What nobody could use or keep is refused while it can still be corrected."""
    if call.closes_at is not None and call.closes_at <= call.opens_at:
        raise Invalid(_("The call must close after it opens."), field="closes_at")
    if call.award_days < 1:
        raise Invalid(_("An award needs at least one day."), field="award_days")
    if call.most_open_awards < 1:
        raise Invalid(_("At least one open award must be allowed."), field="most_open_awards")
    if call.largest_gpu_seconds > call.budget_gpu_seconds:
        raise Invalid(
            _("The largest award is more than the budget."),
            hint=_("Raise the budget, or make the largest award smaller."),
            field="largest_gpu_seconds",
        )
    if not Flavor.objects.filter(flavor_class=call.flavor_class).exists():
        known = Flavor.objects.order_by("flavor_class").values_list("flavor_class", flat=True).distinct()
        raise Invalid(
            _("No flavor has the class “%(name)s”, so nobody could use an award.") % {"name": call.flavor_class},
            hint=_("Choose one of: %(names)s.") % {"names": ", ".join(known)},
            field="flavor_class",
        )


def _question(given: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(given, dict) or not str(given.get("key", "")).isidentifier() or not given.get("label"):
        raise Invalid(_("Each question needs a key, which is one word, and a label."))
    return {
        "key": str(given["key"]),
        "label": str(given["label"]),
        "help": str(given.get("help", "")),
        "required": bool(given.get("required", True)),
        "most_characters": int(given.get("most_characters", 2000)),
    }
