"""One award, for scripts."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from grants.api import reading, shapes
from grants.selectors import awards as selectors
from grants.services import awards as services
from grants.services import returns


@require_safe
def award(request: HttpRequest, award_id: int) -> JsonResponse:
    """Public: the decision with rule, inputs and reasons, what was used, and what was published from it."""
    return JsonResponse(shapes.whole_award(request, selectors.award_numbered(award_id)))


@require_POST
def report(request: HttpRequest, award_id: int) -> JsonResponse:
    """Those who hold it say what came of it, once: `{"text"}`."""
    found = selectors.award_numbered(award_id)
    reading.require_person(request)
    made = services.submit_report(found, reading.text(reading.body(request), "text"), by=request.principal)
    return JsonResponse({"award": found.pk, "report": made.text}, status=201)


@require_POST
def hand_back(request: HttpRequest, award_id: int) -> JsonResponse:
    """Its holder ends it early; what is not used goes back to the call's budget or the pool."""
    found = selectors.award_numbered(award_id)
    reading.require_person(request)
    returns.hand_back(found, by=request.principal)
    return JsonResponse(shapes.whole_award(request, selectors.award_numbered(award_id)))
