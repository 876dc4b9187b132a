"""Applying, one's own proposals, and what may be done to them."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.selectors import namespace_named
from common.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from common.ids import hex_id
from common.pagination import page_of
from grants import rules
from grants.enums import EDITABLE, STEPS, Outcome, ProposalState, ReviewState, TeamState, Track, sentence
from grants.forms import (
    CopyForm,
    DecisionForm,
    ProposalForm,
    ReleaseForm,
    ReportForm,
    ReturnForm,
    ReviewerForm,
    initial_of,
)
from grants.models import Award, Call, Proposal
from grants.selectors import proposals as selectors
from grants.selectors.calls import call_named
from grants.selectors.reviews import reviews_shown
from grants.services import awards, decisions, proposals, reviews


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: HttpRequest, slug: str) -> HttpResponse:
    call = call_named(slug)
    form = _form(request, call, initial={"key": hex_id()})
    if not call.is_open():
        raise Conflict(_("This call is closed."), hint=_("Open calls are listed at /grants."), code="call_closed")
    if form.is_bound and form.is_valid():
        try:
            created = proposals.create_draft(
                call,
                form.text(),
                holder=namespace_named(form.cleaned_data["holder"]),
                by=request.principal,
                key=form.cleaned_data["key"] or None,
            )
            return _saved(request, created)
        except Invalid as refusal:
            _show(form, refusal)
    return render(request, "grants/apply.html", {"call": call, "form": form})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, proposal_id: int) -> HttpResponse:
    found = selectors.proposal_for(request.principal, proposal_id)
    if not rules.may_manage_proposal(request.principal, found):
        raise Forbidden(_("Only those who may act for the applicant's name may do this."))
    if found.state not in EDITABLE:
        raise Conflict(_("The proposal has been handed in and cannot be changed."), code="wrong_state")
    form = _form(request, found.call, initial=initial_of(found))
    form.fields["holder"].choices = [(found.holder.name, found.holder.name)]
    if form.is_bound and form.is_valid():
        try:
            return _saved(request, proposals.update_draft(found, form.text(), by=request.principal))
        except (Invalid, Conflict) as refusal:
            _show(form, refusal)
    return render(request, "grants/apply.html", {"call": found.call, "form": form, "proposal": found})


@login_required
@never_cache
@require_safe
def proposal_list(request: HttpRequest) -> HttpResponse:
    context = {
        "page": page_of(request, selectors.own_proposals(request.principal)),
        "invitations": list(selectors.invitations_of(request.principal)[:50]),
        "to_sign": list(selectors.to_sign(request.principal)[:50]),
        "to_process": list(selectors.to_process(request.principal)[:100]),
    }
    return render(request, "grants/proposals.html", context)


@login_required
@never_cache
@require_safe
def proposal(request: HttpRequest, proposal_id: int) -> HttpResponse:
    return _page(request, selectors.proposal_for(request.principal, proposal_id))


def _page(request: HttpRequest, found: Proposal, *, status: int = 200, **forms: Form) -> HttpResponse:
    """The page of a proposal; `forms` are those that came back with errors."""
    shown = selectors.decisions_shown(request.principal, found)
    own = rules.may_manage_proposal(request.principal, found)
    team = list(found.team.select_related("user"))
    member = next((row for row in team if row.user_id == request.user.pk and row.state == TeamState.MEMBER), None)
    given = reviews_shown(request.principal, found)
    context = {
        "proposal": found,
        "steps": _steps(found),
        "team": team,
        "answers": [(question["label"], found.answers.get(question["key"], "")) for question in found.call.questions],
        "versions": list(found.versions.all()),
        "decisions": [(row, _reasons(row.reasons), sorted(row.inputs.items())) for row in shown],
        "recomputed": selectors.recompute(shown[0]) if shown and shown[0].is_by_rule else None,
        "award": Award.objects.filter(proposal=found).select_related("report").first() if shown else None,
        "place": selectors.place_on_waiting_list(found) if shown else 0,
        "reviews": given,
        "awaited": sum(row.state in {ReviewState.ASKED, ReviewState.ACCEPTED} for row in given),
        "may_manage": own,
        "is_editable": found.state in EDITABLE,
        "is_over": _is_over(found),
        "may_leave": found.state in EDITABLE | {ProposalState.SIGNING} and member is not None,
        "copy_form": CopyForm(found) if own and (_is_over(found) or found.state in _ENDED) else None,
        "may_withdraw": own and (found.state not in _FINAL or _waits(found)),
        "must_sign": found.state == ProposalState.SIGNING
        and found.may_be_signed
        and member is not None
        and member.signed_at is None,
        "may_process": rules.may_process(request.principal, found) and not found.call.is_instant,
        "why_not_process": "" if found.call.is_instant else rules.why_not_process(request.principal, found),
        **{f"{action}_form": forms.get(action) or form_of(found) for action, (form_of, _act) in WITH_FORM.items()},
        "may_decide": bool(selectors.outcomes_open(found)),
    }
    return render(request, "grants/proposal.html", context, status=status)


@login_required
@require_POST
def act(request: HttpRequest, proposal_id: int, action: str) -> HttpResponse:
    found = selectors.proposal_for(request.principal, proposal_id)
    if action == "submit":
        # What is missing in a draft is said where it can be filled in.
        try:
            proposals.submit(found, by=request.principal)
        except Invalid as refusal:
            messages.error(request, str(refusal))
            return redirect("proposal_edit", found.pk)
    elif action in PLAIN:
        PLAIN[action](found, by=request.principal)
    elif action in WITH_FORM:
        form_of, act_on = WITH_FORM[action]
        form = form_of(found, request.POST)
        _require_right(request, found, action)
        refused = _try(form, lambda: act_on(request, found, form.cleaned_data))
        if refused:
            # Also above the page: the form may be far down, or gone since the state has changed.
            for errors in form.errors.values():
                messages.error(request, errors[0])
            return _page(request, found, status=refused, **{action: form})
    else:
        raise NotFound(_("There is no such action."))
    messages.success(request, DONE[action])
    return redirect("proposals") if action == "leave" else redirect(found)


def _require_right(request: HttpRequest, found: Proposal, action: str) -> None:
    """403 comes before 400: who may not act is not told what is wrong in the form."""
    if action == "report":
        get_object_or_404(Award, proposal=found)
    elif action != "copy" and not rules.may_process(request.principal, found):
        raise Forbidden(
            _("Only staff without a stake in this proposal may do this."),
            hint=rules.why_not_process(request.principal, found),
        )


def _try(form: Form, act_on: Callable[[], object]) -> int:
    """Act when the form is right. Else, or when it is refused, the words stand in the form: the status, or 0."""
    if not form.is_valid():
        return 400
    try:
        act_on()
    except (Invalid, Conflict) as refusal:
        _show(form, refusal)
        return refusal.status
    return 0


_ENDED = {ProposalState.ANNOUNCED, ProposalState.WITHDRAWN}
_FINAL = {ProposalState.DECIDED, ProposalState.ANNOUNCED, ProposalState.WITHDRAWN}


def _is_over(found: Proposal) -> bool:
    """It waits for its applicant or its team, and their time has run out."""
    if found.state == ProposalState.SIGNING:
        return not found.may_be_signed
    return found.state in EDITABLE and not found.may_be_handed_in


def _waits(found: Proposal) -> bool:
    return found.state == ProposalState.ANNOUNCED and found.outcome == Outcome.WAITING_LIST


def _form(request: HttpRequest, call: Call, *, initial: dict) -> ProposalForm:
    draft = request.POST.get("action") == "save"
    return ProposalForm(call, selectors.names_open_to(request.user), request.POST or None, initial=initial, draft=draft)


def _saved(request: HttpRequest, saved: Proposal) -> HttpResponse:
    """The draft is kept whatever follows; handing it in may still be refused."""
    if request.POST.get("action") == "save":
        messages.success(request, _("The draft is saved."))
        return redirect("proposal_edit", saved.pk)
    try:
        proposals.submit(saved, by=request.principal)
    except Conflict as refusal:
        # A double click arrives here the second time.
        if refusal.code != "already_submitted":
            messages.error(request, str(refusal))
    except Invalid as refusal:
        messages.error(request, str(refusal))
        return redirect("proposal_edit", saved.pk)
    return redirect(saved)


def _show(form: Form, refusal: Refusal) -> None:
    field = str(refusal.context.get("field", ""))
    name = next((name for name in (field, f"q_{field}") if name in form.fields), None)
    form.add_error(name, str(refusal))


def _steps(found: Proposal) -> list[tuple[ProposalState, bool]]:
    """The states on the way, and a side exit where the proposal took one."""
    steps = list(STEPS[Track(found.call.track)])
    state = ProposalState(found.state)
    if state not in steps:
        after = 1 if state == ProposalState.SIGNING else 2
        steps = [*steps[:after], state, *(steps[after:] if state == ProposalState.SIGNING else [])]
    position = steps.index(state)
    return [(step, index < position) for index, step in enumerate(steps)]


def _reasons(reasons: list[dict]) -> list[str]:
    return [sentence(reason["code"], reason["values"]) for reason in reasons]


def _assign(request: HttpRequest, found: Proposal, values: dict[str, Any]) -> None:
    reviews.assign_reviewer(found, values["reviewer"], due_on=values["due_on"], by=request.principal)


def _release(request: HttpRequest, found: Proposal, values: dict[str, Any]) -> None:
    reviews.release_reviewer(get_object_or_404(found.reviews, pk=values["review"]), by=request.principal)


def _decide(request: HttpRequest, found: Proposal, values: dict[str, Any]) -> None:
    decisions.decide_by_person(
        found,
        outcome=values["outcome"],
        gpu_seconds=values["amount"],
        reasons=values["reasons"],
        by=request.principal,
    )


def _report(request: HttpRequest, found: Proposal, values: dict[str, Any]) -> None:
    awards.submit_report(get_object_or_404(Award, proposal=found), values["text"], by=request.principal)


def _return(request: HttpRequest, found: Proposal, values: dict[str, Any]) -> None:
    reviews.return_for_changes(found, values["reason"], days=values["days"], by=request.principal)


PLAIN: dict[str, Callable[..., object]] = {
    "sign": proposals.sign,
    "leave": proposals.leave_team,
    "reopen": proposals.reopen,
    "withdraw": proposals.withdraw,
    "screen": reviews.begin_screening,
    "review": reviews.send_to_reviewers,
    "discuss": reviews.begin_discussion,
    "more-reviews": reviews.ask_for_more_reviews,
    "announce": decisions.announce,
}
# What fills the form of each action, and what acts on it.
WITH_FORM: dict[str, tuple[Callable[..., Form], Callable[[HttpRequest, Proposal, dict[str, Any]], None]]] = {
    "report": (lambda _found, *data: ReportForm(*data), _report),
    "return": (lambda _found, *data: ReturnForm(*data), _return),
    "assign": (lambda _found, *data: ReviewerForm(*data), _assign),
    "release": (lambda _found, *data: ReleaseForm(*data), _release),
    "decide": (DecisionForm, _decide),
}
DONE = {
    "submit": gettext_lazy("The proposal is handed in."),
    "sign": gettext_lazy("You have signed."),
    "leave": gettext_lazy("You have left the team."),
    "reopen": gettext_lazy("The proposal is a draft again."),
    "withdraw": gettext_lazy("The proposal is withdrawn."),
    "screen": gettext_lazy("The screening has begun."),
    "review": gettext_lazy("The proposal is in review."),
    "discuss": gettext_lazy("The discussion has begun."),
    "more-reviews": gettext_lazy("The proposal is in review."),
    "announce": gettext_lazy("The decision is announced."),
    "report": gettext_lazy("Thank you. The report is published."),
    "return": gettext_lazy("The proposal is back with the applicant."),
    "assign": gettext_lazy("The reviewer is asked."),
    "release": gettext_lazy("Nobody waits for this review any more."),
    "decide": gettext_lazy("The decision is written down. The applicant does not know it yet."),
}
