"""Joining the team of somebody else's proposal, or not."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from grants.selectors.proposals import invitation_for
from grants.services import proposals


@login_required
@require_POST
def accept(request: HttpRequest, proposal_id: int) -> HttpResponse:
    found = invitation_for(request.principal, proposal_id).proposal
    proposals.accept_invitation(found, by=request.principal)
    messages.success(request, _("You are on the team."))
    return redirect(found)


@login_required
@require_POST
def decline(request: HttpRequest, proposal_id: int) -> HttpResponse:
    found = invitation_for(request.principal, proposal_id).proposal
    proposals.leave_team(found, by=request.principal)
    messages.success(request, _("You have declined the invitation."))
    return redirect("proposals")
