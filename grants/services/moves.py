"""The one function that moves a proposal from state to state."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from common.errors import Conflict
from common.services import audit, outbox
from grants.enums import MOVES, Outcome, ProposalState
from grants.models import Proposal

_STAMPS = {
    ProposalState.SUBMITTED: "submitted_at",
    ProposalState.DECIDED: "decided_at",
    ProposalState.ANNOUNCED: "announced_at",
}


def move(proposal: Proposal, to: ProposalState, *, by: object, outcome: Outcome | None = None, **details: Any) -> None:
    """Change the state of a proposal whose row the caller has locked.

    Raises Conflict for a move that the table does not allow. Writes the audit line and the event
    "proposal.<state>".
    """
    came_from = ProposalState(proposal.state)
    if to not in MOVES[came_from] or (
        came_from == ProposalState.ANNOUNCED and proposal.outcome != Outcome.WAITING_LIST
    ):
        raise Conflict(
            _("The proposal is in the state “%(state)s”, so this cannot be done.") % {"state": came_from.label},
            hint=_("Open its page to see what can be done now."),
            code="wrong_state",
        )
    proposal.state = to
    if outcome is not None:
        proposal.outcome = outcome
    if to == ProposalState.WITHDRAWN:
        proposal.outcome = ""
    if to in _STAMPS:
        setattr(proposal, _STAMPS[to], timezone.now())
    proposal.save()
    audit.record(f"proposal.{to}", f"proposal:{proposal.pk}", actor=by, came_from=came_from, **details)
    # A proposal may come by the same state again, so the version and the decision are part of the key.
    turn = f"{proposal.versions.count()}.{proposal.decisions.count()}"
    outbox.emit(f"proposal.{to}", f"proposal.{to}:{proposal.pk}:{turn}", {"proposal": proposal.pk})


def lock(proposal_id: int) -> Proposal:
    """The proposal with its row locked. Whoever also needs the call locks that first."""
    return (
        Proposal.objects.select_for_update(of=("self",))
        .select_related("call", "applicant", "holder")
        .get(pk=proposal_id)
    )
