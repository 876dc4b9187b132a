"""Reading what was handed in, comparing it with the version before, and copying it into a new draft."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from common.errors import Conflict, Forbidden, Invalid
from common.quantities import format_gpu_seconds
from grants import rules
from grants.algorithms.differences import changed_words
from grants.forms import CopyForm
from grants.models import Call
from grants.selectors import proposals as selectors
from grants.services import proposals


@login_required
@never_cache
@require_safe
def version(request: HttpRequest, proposal_id: int, number: int) -> HttpResponse:
    found = selectors.proposal_for(request.principal, proposal_id)
    shown = get_object_or_404(found.versions, number=number)
    before = found.versions.filter(number=number - 1).first()
    old = _parts(found.call, before.content) if before else {}
    parts = [
        (label, text, changed_words(old[label], text) if label in old and old[label] != text else None)
        for label, text in _parts(found.call, shown.content).items()
    ]
    context = {"proposal": found, "version": shown, "before": before, "parts": parts}
    return render(request, "grants/version.html", context)


@login_required
@require_POST
def copy(request: HttpRequest, proposal_id: int) -> HttpResponse:
    found = selectors.proposal_for(request.principal, proposal_id)
    if not rules.may_manage_proposal(request.principal, found):
        raise Forbidden(_("Only those who may act for the applicant's name may do this."))
    form = CopyForm(found, request.POST)
    if not form.is_valid():
        raise Conflict(_("This call is closed."), hint=_("Open calls are listed at /grants."), code="call_closed")
    try:
        made = proposals.copy(found, form.cleaned_data["call"], by=request.principal)
    except Invalid as refusal:
        messages.error(request, str(refusal))
        return redirect(found)
    messages.success(request, _("This is a new draft with the text of the old proposal."))
    return redirect("proposal_edit", made.pk)


def _parts(call: Call, content: dict[str, Any]) -> dict[str, str]:
    """What an applicant wrote, as a reader sees it: label → text."""
    answers = {question["label"]: content["answers"].get(question["key"], "") for question in call.questions}
    return {
        str(_("Title")): content["title"],
        str(_("Asked")): f"{format_gpu_seconds(content['asked_gpu_seconds'])} ({content['asked_gpu_seconds']})",
        str(_("Team")): ", ".join(content["team"]),
        str(_("Publishes openly")): str(_("yes") if content["publishes_openly"] else _("no")),
        str(_("Abstract")): content["abstract"],
        **answers,
    }
