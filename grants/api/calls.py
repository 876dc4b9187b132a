"""Calls and awards, for scripts."""

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Forbidden, Invalid
from common.pagination import link_next, page_of
from grants.api import reading, shapes
from grants.enums import Track
from grants.rules import may_run_calls
from grants.selectors import calls as selectors
from grants.services import calls as services
from grants.services import closings


@require_http_methods(["GET", "HEAD", "POST"])
def calls(request: HttpRequest) -> JsonResponse:
    """GET: the open calls, with `?all=1` also coming and closed ones. POST (staff): open one; the same slug again
    returns the first."""
    if request.method == "POST":
        return _open(request)
    found = selectors.calls() if request.GET.get("all") == "1" else selectors.open_calls()
    return JsonResponse({"calls": [shapes.call(request, row) for row in found]})


@require_safe
def call(request: HttpRequest, slug: str) -> JsonResponse:
    return JsonResponse(shapes.whole_call(request, selectors.call_named(slug)))


@require_POST
def budget(request: HttpRequest, slug: str) -> JsonResponse:
    """Staff raise the budget: `{"gpu_seconds"}`. Those on the waiting list are decided again."""
    found = selectors.call_named(slug)
    reading.require_person(request)
    amount = reading.whole(reading.body(request), "gpu_seconds")
    made = services.add_budget(found, amount, by=request.principal)
    answer = shapes.call(request, selectors.call_named(slug))
    return JsonResponse({**answer, "decided": [row.proposal_id for row in made]})


@require_safe
def awards(request: HttpRequest) -> JsonResponse:
    """All awards, newest first, 100 a page (`?p=`, and a Link header)."""
    page = page_of(request, selectors.awards(), size=100)
    own = shapes.own_names(request.principal)
    rows = [
        shapes.award(request, row, own=row.holder_id in own or request.principal.is_staff) for row in page.object_list
    ]
    response = JsonResponse({"awards": rows})
    return link_next(request, response, p=page.number) if page.has_next() else response  # type: ignore[return-value]


def _open(request: HttpRequest) -> JsonResponse:
    reading.require_person(request)
    if not may_run_calls(request.principal):
        raise Forbidden(_("Only staff may open a call."))
    values = reading.body(request)
    questions = values.get("questions", [])
    opened = services.open_call(
        reading.text(values, "slug"),
        by=request.principal,
        programme=reading.text(values, "programme", "open-compute"),
        title=reading.text(values, "title"),
        summary=reading.text(values, "summary", ""),
        track=reading.choice(values, "track", Track),
        flavor_class=reading.text(values, "flavor_class"),
        budget_gpu_seconds=reading.whole(values, "budget_gpu_seconds"),
        largest_gpu_seconds=reading.whole(values, "largest_gpu_seconds"),
        smallest_gpu_seconds=reading.whole(values, "smallest_gpu_seconds", 1),
        award_days=reading.whole(values, "award_days", 90),
        most_open_awards=reading.whole(values, "most_open_awards", 2),
        least_abstract_characters=reading.whole(values, "least_abstract_characters", 80),
        needs_email=reading.flag(values, "needs_email", default=False),
        questions=questions if isinstance(questions, list) else [questions],
        opens_at=reading.moment(values, "opens_at"),
        closes_at=reading.moment(values, "closes_at"),
    )
    return JsonResponse(shapes.call(request, selectors.call_named(opened.slug)), status=201)


@require_POST
def closing(request: HttpRequest, slug: str) -> JsonResponse:
    """Staff move the closing: `{"closes_at": time or "now", "reason"}`. It stands in the public trace."""
    found = selectors.call_named(slug)
    reading.require_person(request)
    if not may_run_calls(request.principal):
        raise Forbidden(_("Only staff may do this."))
    values = reading.body(request)
    closes_at = reading.moment_or_now(values, "closes_at")
    if "closes_at" not in values:
        raise Invalid(_("Say when the call closes; null lets it stay open."), field="closes_at")
    closings.move_closing_of_call(found, closes_at, reason=reading.text(values, "reason"), by=request.principal)
    return JsonResponse(shapes.whole_call(request, selectors.call_named(slug)))
