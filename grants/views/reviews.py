"""The reviewer's pages."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Conflict, Invalid
from common.pagination import page_of
from grants.enums import ProposalState
from grants.forms import ConflictForm, NoTimeForm, ReviewForm
from grants.selectors import reviews as selectors
from grants.services import reviews


@login_required
@never_cache
@require_safe
def review_list(request: HttpRequest) -> HttpResponse:
    return render(request, "grants/reviews.html", {"page": page_of(request, selectors.reviews_of(request.principal))})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, review_id: int) -> HttpResponse:
    found = selectors.review_for(request.principal, review_id)
    revisions = list(found.revisions.all())
    last = revisions[-1] if revisions else found
    form = ReviewForm(request.POST or None, initial={"score": last.score, "text": last.text} if found.score else None)
    status = 200
    if form.is_bound and form.is_valid():
        try:
            reviews.submit_review(found, by=request.principal, **form.cleaned_data)
        except (Conflict, Invalid) as refusal:
            # What was written must not be lost with the refusal.
            form.add_error(None, str(refusal))
            status = refusal.status
        else:
            messages.success(request, _("Thank you. The review is handed in."))
            return redirect(found)
    content = found.version.content
    context = {
        "review": found,
        "content": content,
        "answers": [
            (question["label"], content["answers"].get(question["key"], ""))
            for question in found.proposal.call.questions
        ],
        "revisions": revisions,
        "others": [row for row in selectors.reviews_shown(request.principal, found.proposal) if not row.own],
        "is_open": found.proposal.state == ProposalState.IN_REVIEW,
        "in_discussion": found.proposal.state == ProposalState.DISCUSSION,
        "may_revise": found.others_shown
        and found.proposal.state in {ProposalState.IN_REVIEW, ProposalState.DISCUSSION},
        "form": form,
        "conflict_form": ConflictForm(),
        "no_time_form": NoTimeForm(),
    }
    return render(request, "grants/review.html", context, status=status)


@login_required
@require_POST
def accept(request: HttpRequest, review_id: int) -> HttpResponse:
    found = selectors.review_for(request.principal, review_id)
    reviews.accept_review(found, by=request.principal)
    messages.success(request, _("Thank you for reviewing it."))
    return redirect(found)


@login_required
@require_POST
def decline(request: HttpRequest, review_id: int) -> HttpResponse:
    found = selectors.review_for(request.principal, review_id)
    reviews.decline_review(found, request.POST.get("reason", "").replace("\x00", ""), by=request.principal)
    messages.success(request, _("You have declined the review."))
    return redirect("reviews")


@login_required
@require_POST
def conflict(request: HttpRequest, review_id: int) -> HttpResponse:
    found = selectors.review_for(request.principal, review_id)
    reviews.declare_conflict(found, request.POST.get("reason", "").replace("\x00", ""), by=request.principal)
    messages.success(request, _("You have stepped aside. The proposal is no longer shown to you."))
    return redirect("reviews")
