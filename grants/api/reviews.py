"""The reviewer's doors, for scripts."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_http_methods, require_safe

from grants.api import reading, shapes
from grants.selectors import reviews as selectors
from grants.services import reviews as services


@require_safe
def reviews(request: HttpRequest) -> JsonResponse:
    reading.require_person(request)
    rows = [
        {
            "id": row.pk,
            "proposal": row.proposal_id,
            "title": row.version.content["title"],
            "state": row.state,
            "due_on": row.due_on,
        }
        for row in selectors.reviews_of(request.principal)[:500]
    ]
    return JsonResponse({"reviews": rows})


@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, review_id: int) -> JsonResponse:
    """GET it with the text to review; POST `{"accept": true}`, `{"score", "text"}`, `{"decline"}` or `{"conflict"}`."""
    reading.require_person(request)
    found = selectors.review_for(request.principal, review_id)
    if request.method != "POST":
        return JsonResponse(shapes.review(request, found))
    values = reading.body(request)
    if values.get("accept") is True:
        services.accept_review(found, by=request.principal)
        return JsonResponse(shapes.review(request, selectors.review_for(request.principal, review_id)))
    if "decline" in values:
        services.decline_review(found, reading.text(values, "decline"), by=request.principal)
        return JsonResponse({"id": found.pk, "state": "declined"})
    if "conflict" in values:
        services.declare_conflict(found, reading.text(values, "conflict"), by=request.principal)
        return JsonResponse({"id": found.pk, "state": "recused"})
    score, text = reading.whole(values, "score"), reading.text(values, "text")
    services.submit_review(found, score=score, text=text, by=request.principal)
    return JsonResponse(shapes.review(request, selectors.review_for(request.principal, review_id)))
