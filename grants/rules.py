"""May this person do this to this object? States are the services' business."""

from accounts.models import Namespace, User
from accounts.principal import Principal
from accounts.rules import may_spend_for
from compute.selectors import allocations_visible_to
from grants.enums import ON_THE_TEAM, REVIEW_ENDED
from grants.models import Award, Nomination, Proposal, Review, Round
from grants.selectors.calls import team_of
from grants.selectors.proposals import processing_conflict
from grants.selectors.rounds import confirmed, nomination_conflict
from grants.selectors.ties import ties_of


def may_run_calls(principal: Principal | None) -> bool:
    """Open calls and rounds. None is the operator at the command line."""
    return principal is None or principal.is_staff


def may_apply_for(principal: Principal, holder: Namespace) -> bool:
    return may_spend_for(principal, holder)


def may_manage_proposal(principal: Principal, proposal: Proposal) -> bool:
    """Change, hand in, withdraw, report."""
    return may_spend_for(principal, proposal.holder)


def may_report(principal: Principal, award: Award) -> bool:
    """Those who hold the award, and the team that signed the proposal."""
    return may_spend_for(principal, award.holder) or (principal.may_manage and is_on_team(principal.user, award))


def may_hand_back(principal: Principal, award: Award) -> bool:
    """Ending an award is the holder's; a team only spends."""
    return may_spend_for(principal, award.holder)


def may_see_allocation(principal: Principal, award: Award) -> bool:
    if award.allocation is None:
        return False
    return allocations_visible_to(principal).filter(pk=award.allocation.pk).exists()


def is_on_team(user: User | None, award: Award) -> bool:
    return user is not None and team_of(award).filter(pk=user.pk).exists()


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


def may_answer(principal: Principal, nomination: Nomination) -> bool:
    """Confirm or decline: those who may act for the name that would get the award."""
    return may_spend_for(principal, nomination.holder)


def may_withdraw_nomination(principal: Principal, nomination: Nomination) -> bool:
    return principal.may_manage and nomination.nominator_id == getattr(principal.user, "pk", None)


def stake_in_round(principal: Principal | None, round_: Round) -> str:
    """Why this person must not decide the round, in words; empty when nothing ties them to a nomination in it."""
    if principal is None or principal.user is None:
        return ""
    nominations = list(confirmed(round_))
    ties = ties_of(principal.user, nominations)
    found = ((row.subject, ties.conflict(row)) for row in nominations)
    return next((f"{subject}: {why}" for subject, why in found if why), "")


def may_score(principal: Principal, nomination: Nomination) -> bool:
    """Panel members, for what they have no stake in."""
    if not principal.may_manage or principal.user is None:
        return False
    on_panel = nomination.round.panel.filter(pk=principal.user.pk).exists()
    return on_panel and nomination.is_confirmed and not nomination_conflict(principal.user, nomination)
