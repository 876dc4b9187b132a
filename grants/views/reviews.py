"""The reviewer's pages."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.pagination import page_of
from grants.enums import ProposalState
from grants.forms import ConflictForm, ReviewForm
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
    initial = {"score": found.score, "text": found.text} if found.score else None
    form = ReviewForm(request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        reviews.submit_review(found, by=request.principal, **form.cleaned_data)
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
        "others": [row for row in selectors.reviews_shown(request.principal, found.proposal) if not row.own],
        "is_open": found.proposal.state == ProposalState.IN_REVIEW,
        "form": form,
        "conflict_form": ConflictForm(),
    }
    return render(request, "grants/review.html", context)


@login_required
@require_POST
def conflict(request: HttpRequest, review_id: int) -> HttpResponse:
    found = selectors.review_for(request.principal, review_id)
    reviews.declare_conflict(found, request.POST.get("reason", ""), by=request.principal)
    messages.success(request, _("You have stepped aside. The proposal is no longer shown to you."))
    return redirect("reviews")
