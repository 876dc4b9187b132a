"""Staff move the end of a call or a round."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from common.errors import Forbidden, Refusal
from grants.forms import ClosingForm
from grants.rules import may_run_calls
from grants.selectors.calls import call_named
from grants.selectors.rounds import round_named
from grants.services import closings


@login_required
@require_POST
def call_closing(request: HttpRequest, slug: str) -> HttpResponse:
    return _move(request, call_named(slug), closings.move_closing_of_call)


@login_required
@require_POST
def round_closing(request: HttpRequest, slug: str) -> HttpResponse:
    return _move(request, round_named(slug), closings.move_closing_of_round)


def _move(request: HttpRequest, found, act) -> HttpResponse:
    """`when=now`, or the time in the form."""
    if not may_run_calls(request.principal):
        raise Forbidden(_("Only staff may do this."))
    form = ClosingForm(request.POST)
    at_once = request.POST.get("when") == "now"
    if not form.is_valid() or not (at_once or form.cleaned_data["closes_at"]):
        messages.error(request, _("Say when it closes, and why."))
        return redirect(found)
    closes_at = timezone.now() if at_once else form.cleaned_data["closes_at"]
    try:
        act(found, closes_at, reason=form.cleaned_data["reason"], by=request.principal)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The closing has moved."))
    return redirect(found)
