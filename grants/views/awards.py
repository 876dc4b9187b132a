"""The page of an award, for everybody, and what those who hold it do there."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from grants import rules
from grants.forms import ReportForm
from grants.models import Award
from grants.selectors import awards as selectors
from grants.services import awards, returns


@require_safe
def award(request: HttpRequest, award_id: int) -> HttpResponse:
    return _page(request, selectors.award_numbered(award_id), ReportForm())


@login_required
@require_POST
def report(request: HttpRequest, award_id: int) -> HttpResponse:
    found = selectors.award_numbered(award_id)
    form = ReportForm(request.POST)
    if rules.may_report(request.principal, found) and not form.is_valid():
        return _page(request, found, form, status=400)
    awards.submit_report(found, request.POST.get("text", ""), by=request.principal)
    messages.success(request, _("Thank you. The report is published."))
    return redirect(found)


@login_required
@require_POST
def hand_back(request: HttpRequest, award_id: int) -> HttpResponse:
    found = selectors.award_numbered(award_id)
    returns.hand_back(found, by=request.principal)
    messages.success(request, _("Thank you. What is left goes back to others."))
    return redirect(found)


def _page(request: HttpRequest, found: Award, form: ReportForm, *, status: int = 200) -> HttpResponse:
    context = {
        "award": found,
        "decision": selectors.decision_shown(found),
        "usage": selectors.usage_of(found),
        "published": list(selectors.published_from(found)[: selectors.VERSIONS_SHOWN]),
        "may_report": rules.may_report(request.principal, found),
        "may_hand_back": found.is_open() and rules.may_hand_back(request.principal, found),
        "may_spend": rules.may_see_allocation(request.principal, found),
        "form": form,
    }
    return render(request, "grants/award.html", context, status=status)
