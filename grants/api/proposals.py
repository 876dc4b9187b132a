"""Proposals, for scripts."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common import signing
from common.errors import NotFound
from common.pagination import link_next, page_of
from grants.api import reading, shapes
from grants.enums import EDITABLE, Outcome
from grants.models import Award, Proposal
from grants.rules import may_process
from grants.selectors import proposals as selectors
from grants.selectors.calls import call_named
from grants.services import awards, decisions, proposals, reviews
from grants.services.proposals import Text


@require_POST
def create(request: HttpRequest, slug: str) -> JsonResponse:
    """Create a proposal and hand it in (`"submit": false` keeps a draft).

    A `key` of the caller's choosing makes a repeated request return the first proposal, with status 200.
    """
    call = call_named(slug)
    reading.require_person(request)
    values = reading.body(request)
    key = reading.text(values, "key", "")[:100] or None
    text, holder = _text(values), reading.namespace(request, values)
    known = key and Proposal.objects.filter(applicant=request.principal.user, key=key).exists()
    proposal = proposals.create_draft(call, text, holder=holder, by=request.principal, key=key)
    if proposal.state in EDITABLE and reading.flag(values, "submit", default=True):
        proposals.submit(proposal, by=request.principal)
    return _answer(request, proposal.pk, status=200 if known else 201)


@require_safe
def proposals_list(request: HttpRequest) -> JsonResponse:
    reading.require_person(request)
    page = page_of(request, selectors.proposals_visible_to(request.principal), size=100)
    response = JsonResponse({"proposals": [shapes.proposal_line(request, row) for row in page.object_list]})
    return link_next(request, response, p=page.number) if page.has_next() else response  # type: ignore[return-value]


@require_http_methods(["GET", "HEAD", "PUT"])
def proposal(request: HttpRequest, proposal_id: int) -> JsonResponse:
    """GET it, or PUT the whole text of a draft."""
    reading.require_person(request)
    found = selectors.proposal_for(request.principal, proposal_id)
    if request.method == "PUT":
        proposals.update_draft(found, _text(reading.body(request)), by=request.principal)
    return _answer(request, proposal_id)


@require_safe
def version(request: HttpRequest, proposal_id: int, number: int) -> HttpResponse:
    """What was handed in, in the very bytes whose SHA-256 is the version's digest."""
    reading.require_person(request)
    found = selectors.proposal_for(request.principal, proposal_id).versions.filter(number=number).first()
    if found is None:
        raise NotFound(_("There is no such version."))
    return HttpResponse(signing.canonical(found.content), content_type="application/json")


@require_POST
def join(request: HttpRequest, proposal_id: int) -> JsonResponse:
    """Accept the invitation to the team; `{"accept": false}` declines it."""
    reading.require_person(request)
    found = selectors.invitation_for(request.principal, proposal_id).proposal
    if reading.flag(reading.body(request), "accept", default=True):
        proposals.accept_invitation(found, by=request.principal)
        return _answer(request, proposal_id)
    proposals.leave_team(found, by=request.principal)
    return JsonResponse({"id": proposal_id, "joined": False})


@require_POST
def act(request: HttpRequest, proposal_id: int, action: str) -> JsonResponse:
    """POST …/submit, sign, leave, reopen, withdraw, report, copy; for staff screen, review, return, reviewers, release,
    discuss, more-reviews, decide, announce. Answers with the proposal as it is then."""
    reading.require_person(request)
    found = selectors.proposal_for(request.principal, proposal_id)
    if action == "copy":
        call = call_named(reading.text(reading.body(request), "call", found.call.slug))
        return _answer(request, proposals.copy(found, call, by=request.principal).pk, status=201)
    if action == "leave":
        proposals.leave_team(found, by=request.principal)
        return JsonResponse({"id": proposal_id, "joined": False})
    if action in PLAIN:
        PLAIN[action](found, by=request.principal)
    elif action in WITH_VALUES:
        WITH_VALUES[action](request, found, reading.body(request))
    else:
        raise NotFound(_("There is no such action."))
    return _answer(request, proposal_id)


def _answer(request: HttpRequest, proposal_id: int, *, status: int = 200) -> JsonResponse:
    return JsonResponse(shapes.proposal(request, selectors.proposal_for(request.principal, proposal_id)), status=status)


def _text(values: dict[str, Any]) -> Text:
    return Text(
        title=reading.text(values, "title"),
        abstract=reading.text(values, "abstract", ""),
        asked_gpu_seconds=reading.whole(values, "gpu_seconds", 0),
        publishes_openly=reading.flag(values, "publishes_openly", default=False),
        answers=reading.answers(values),
        team=reading.texts(values, "team"),
    )


def _assign(request: HttpRequest, found: Proposal, values: dict[str, Any]) -> None:
    reviewer = reading.person(reading.text(values, "reviewer"))
    reviews.assign_reviewer(found, reviewer, due_on=reading.day(values, "due_on"), by=request.principal)


def _release(request: HttpRequest, found: Proposal, values: dict[str, Any]) -> None:
    review = found.reviews.filter(reviewer=reading.person(reading.text(values, "reviewer"))).order_by("-id").first()
    if review is None or not may_process(request.principal, found):
        raise NotFound(_("There is no such review, or it is not yours."))
    reviews.release_reviewer(review, by=request.principal)


def _decide(request: HttpRequest, found: Proposal, values: dict[str, Any]) -> None:
    decisions.decide_by_person(
        found,
        outcome=reading.choice(values, "outcome", Outcome),
        gpu_seconds=reading.whole(values, "gpu_seconds", 0),
        reasons=reading.text(values, "reasons"),
        by=request.principal,
    )


def _report(request: HttpRequest, found: Proposal, values: dict[str, Any]) -> None:
    award = Award.objects.filter(proposal=found).first()
    if award is None:
        raise NotFound(_("There is no award to report on."))
    awards.submit_report(award, reading.text(values, "text"), by=request.principal)


def _return(request: HttpRequest, found: Proposal, values: dict[str, Any]) -> None:
    days = reading.whole(values, "days", reviews.CHANGE_DAYS)
    reviews.return_for_changes(found, reading.text(values, "reason", ""), days=days, by=request.principal)


PLAIN: dict[str, Callable[..., object]] = {
    "submit": proposals.submit,
    "sign": proposals.sign,
    "reopen": proposals.reopen,
    "withdraw": proposals.withdraw,
    "screen": reviews.begin_screening,
    "review": reviews.send_to_reviewers,
    "discuss": reviews.begin_discussion,
    "more-reviews": reviews.ask_for_more_reviews,
    "announce": decisions.announce,
}
WITH_VALUES: dict[str, Callable[[HttpRequest, Proposal, dict[str, Any]], None]] = {
    "report": _report,
    "return": _return,
    "reviewers": _assign,
    "release": _release,
    "decide": _decide,
}
