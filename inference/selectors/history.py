"""A person's own generations, narrowed down."""

from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.principal import Principal
from inference.enums import GenerationState
from inference.models import Generation
from inference.selectors.generations import generations_of


def history_of(
    principal: Principal,
    *,
    text: str = "",
    model: str = "",
    state: str = "",
    since: date | None = None,
    until: date | None = None,
) -> QuerySet[Generation]:
    """The newest first. Days are UTC and both belong to the range; `text` is in either prompt or the label."""
    rows = generations_of(principal)
    if text:
        rows = rows.filter(Q(prompt__icontains=text) | Q(negative_prompt__icontains=text) | Q(label__icontains=text))
    if model:
        rows = rows.filter(model_name=model)
    if state in GenerationState.values:
        rows = rows.filter(state=state)
    if since is not None:
        rows = rows.filter(created_at__gte=_midnight(since))
    if until is not None:
        rows = rows.filter(created_at__lt=_midnight(until) + timedelta(days=1))
    return rows


def models_used(principal: Principal) -> list[str]:
    """The models that the person has asked, by name."""
    rows = generations_of(principal).order_by("model_name").values_list("model_name", flat=True)
    return list(rows.distinct()[:200])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
