"""May this person do this to this object? States are the services' business."""

from accounts.models import Namespace
from accounts.principal import Principal
from accounts.rules import may_spend_for
from grants.enums import ON_THE_TEAM, REVIEW_ENDED
from grants.models import Nomination, Proposal, Review
from grants.selectors.proposals import processing_conflict
from grants.selectors.rounds import nomination_conflict


def may_run_calls(principal: Principal | None) -> bool:
    """Open calls and rounds. None is the operator at the command line."""
    return principal is None or principal.is_staff


def may_apply_for(principal: Principal, holder: Namespace) -> bool:
    return may_spend_for(principal, holder)


def may_manage_proposal(principal: Principal, proposal: Proposal) -> bool:
    """Change, hand in, withdraw, report."""
    return may_spend_for(principal, proposal.holder)


def may_sign(principal: Principal, proposal: Proposal) -> bool:
    return principal.may_manage and proposal.team.filter(user=principal.user, state__in=ON_THE_TEAM).exists()


def may_process(principal: Principal, proposal: Proposal) -> bool:
    """Screen, assign reviewers, decide, announce: staff who have no stake in it and did not judge it."""
    return principal.is_staff and principal.user is not None and not processing_conflict(principal.user, proposal)


def why_not_process(principal: Principal, proposal: Proposal) -> str:
    """For staff: what keeps them from processing it, in words. Empty for everybody else."""
    return processing_conflict(principal.user, proposal) if principal.is_staff and principal.user else ""


def may_review(principal: Principal, review: Review) -> bool:
    own = principal.may_manage and review.reviewer_id == getattr(principal.user, "pk", None)
    return own and review.state not in REVIEW_ENDED


def may_nominate(principal: Principal) -> bool:
    return principal.may_manage


def may_score(principal: Principal, nomination: Nomination) -> bool:
    """Panel members, for what they have no stake in."""
    if not principal.may_manage or principal.user is None:
        return False
    on_panel = nomination.round.panel.filter(pk=principal.user.pk).exists()
    return on_panel and not nomination_conflict(principal.user, nomination)
