"""Community rounds, for scripts."""

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Forbidden, Invalid
from grants.api import reading, shapes
from grants.enums import SubjectKind
from grants.rules import may_run_calls
from grants.selectors import rounds as selectors
from grants.services import closings, nominations
from grants.services import rounds as services


@require_http_methods(["GET", "HEAD", "POST"])
def rounds(request: HttpRequest) -> JsonResponse:
    """GET: the newest 100. POST (staff): open one; the same slug again returns the first."""
    if request.method == "POST":
        return _open(request)
    return JsonResponse({"rounds": [shapes.round_line(request, row) for row in selectors.rounds()[:100]]})


@require_safe
def round_(request: HttpRequest, slug: str) -> JsonResponse:
    return JsonResponse(shapes.round_(request, selectors.round_named(slug)))


@require_POST
def panel(request: HttpRequest, slug: str) -> JsonResponse:
    """Staff let somebody score: `{"user"}`."""
    found = selectors.round_named(slug)
    reading.require_person(request)
    if not may_run_calls(request.principal):
        raise Forbidden(_("Only staff may name the panel."))
    user = reading.person(reading.text(reading.body(request), "user"))
    services.add_to_panel(found, user, by=request.principal)
    return JsonResponse({"round": slug, "user": user.username})


@require_POST
def nominate(request: HttpRequest, slug: str) -> JsonResponse:
    """`{"kind": "model" | "dataset" | "proposal", "name", "why", "gpu_seconds"}`."""
    found = selectors.round_named(slug)
    reading.require_person(request)
    values = reading.body(request)
    name = values.get("name")
    row = nominations.nominate(
        found,
        kind=reading.choice(values, "kind", SubjectKind),
        name=str(name) if isinstance(name, int) else reading.text(values, "name"),
        why=reading.text(values, "why"),
        asked_gpu_seconds=reading.whole(values, "gpu_seconds"),
        by=request.principal,
    )
    return JsonResponse({"id": row.pk, "round": slug, "subject": row.subject, "state": row.state}, status=201)


@require_POST
def score(request: HttpRequest, nomination_id: int) -> JsonResponse:
    """`{"score": 1 … 5}`."""
    nomination = selectors.nomination_for(request.principal, nomination_id)
    reading.require_person(request)
    row = services.score(nomination, reading.whole(reading.body(request), "score"), by=request.principal)
    return JsonResponse({"nomination": nomination.pk, "score": row.score})


ANSWERS = {"confirm": nominations.confirm, "decline": nominations.decline, "withdraw": nominations.withdraw}


@require_POST
def answer(request: HttpRequest, nomination_id: int) -> JsonResponse:
    """`{"answer": "confirm" | "decline"}` by its holder, `"withdraw"` by who nominated it."""
    nomination = selectors.nomination_for(request.principal, nomination_id)
    reading.require_person(request)
    given = reading.text(reading.body(request), "answer")
    if given not in ANSWERS:
        raise Invalid(_("Confirm, decline or withdraw it."), field="answer")
    row = ANSWERS[given](nomination, by=request.principal)
    return JsonResponse({"id": row.pk, "state": row.state})


@require_POST
def decide(request: HttpRequest, slug: str) -> JsonResponse:
    """Staff apply the rule; the awards are open when this answers. Repeating it changes nothing."""
    found = selectors.round_named(slug)
    reading.require_person(request)
    services.decide_round(found, by=request.principal)
    return JsonResponse(shapes.round_(request, selectors.round_named(slug)))


def _open(request: HttpRequest) -> JsonResponse:
    reading.require_person(request)
    if not may_run_calls(request.principal):
        raise Forbidden(_("Only staff may open a round."))
    values = reading.body(request)
    closes_at = reading.moment(values, "closes_at")
    if closes_at is None:
        raise Invalid(_("Say when the round closes."), field="closes_at")
    opened = services.open_round(
        reading.text(values, "slug"),
        by=request.principal,
        title=reading.text(values, "title"),
        summary=reading.text(values, "summary", ""),
        currency=reading.text(values, "currency"),
        budget=reading.whole(values, "budget"),
        flavor=reading.text(values, "flavor"),
        opens_at=reading.moment(values, "opens_at"),
        closes_at=closes_at,
        cap_permille=reading.whole(values, "cap_permille", 125),
        seats=reading.whole(values, "seats", 5),
        least_scores=reading.whole(values, "least_scores", 2),
        least_mean=reading.whole(values, "least_mean", 3),
        award_days=reading.whole(values, "award_days", 90),
        panel=[reading.person(name) for name in reading.texts(values, "panel")],
    )
    return JsonResponse(shapes.round_(request, selectors.round_named(opened.slug)), status=201)


@require_POST
def closing(request: HttpRequest, slug: str) -> JsonResponse:
    """Staff move the closing: `{"closes_at": time or "now", "reason"}`. It stands in the public trace."""
    found = selectors.round_named(slug)
    reading.require_person(request)
    if not may_run_calls(request.principal):
        raise Forbidden(_("Only staff may do this."))
    values = reading.body(request)
    closes_at = reading.moment_or_now(values, "closes_at")
    if closes_at is None:
        raise Invalid(_("Say when the round closes."), field="closes_at")
    closings.move_closing_of_round(found, closes_at, reason=reading.text(values, "reason"), by=request.principal)
    return JsonResponse(shapes.round_(request, selectors.round_named(slug)))
