"""Who sees which proposal, and how much of its fate."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.enums import Role, TokenScope
from accounts.models import Membership, Namespace, User
from accounts.principal import Principal
from accounts.selectors import namespaces_of
from common.errors import NotFound
from grants.algorithms.rules import RULES
from grants.enums import Outcome, ProposalState, ReviewState, TeamState, Track
from grants.models import Decision, Proposal, TeamMember

_PRIVATE = [ProposalState.DRAFT, ProposalState.SIGNING]


def reader(principal: Principal) -> User | None:
    """The person whose private matters this credential may read; tokens of jobs and of chosen permissions read none."""
    if principal.token is not None and principal.token.scope in {TokenScope.JOB, TokenScope.FINE}:
        return None
    return principal.user


def _own(user: User) -> Q:
    return (
        Q(applicant=user)
        | Q(team__user=user, team__state=TeamState.MEMBER)
        | Q(holder__in=namespaces_of(user).values("pk"))
    )


def _proposals() -> QuerySet[Proposal]:
    return Proposal.objects.select_related("call__programme", "applicant", "holder", "award")


def own_proposals(principal: Principal) -> QuerySet[Proposal]:
    """What the person applied for, signs, or can see through an organisation."""
    user = reader(principal)
    if user is None:
        return Proposal.objects.none()
    return _proposals().filter(pk__in=Proposal.objects.filter(_own(user)).values("pk"))


def to_sign(principal: Principal) -> QuerySet[Proposal]:
    """What waits for the person's own signature."""
    user = reader(principal)
    if user is None:
        return Proposal.objects.none()
    unsigned = TeamMember.objects.filter(user=user, state=TeamState.MEMBER, signed_at=None)
    return _proposals().filter(state=ProposalState.SIGNING, pk__in=unsigned.values("proposal"))


def invitations_of(principal: Principal) -> QuerySet[TeamMember]:
    """Proposals whose team the person is asked to join. Their texts are shown to those who accept."""
    user = reader(principal)
    if user is None:
        return TeamMember.objects.none()
    return TeamMember.objects.filter(
        user=user,
        state=TeamState.INVITED,
        proposal__state__in=[ProposalState.DRAFT, ProposalState.SIGNING, ProposalState.RETURNED],
    ).select_related("proposal__call", "proposal__applicant", "proposal__holder")


def invitation_for(principal: Principal, proposal_id: int) -> TeamMember:
    """Raises NotFound."""
    found = invitations_of(principal).filter(proposal=proposal_id).first()
    if found is None:
        raise NotFound(_("There is no such invitation."), hint=_("Yours are listed at /proposals."))
    return found


def proposals_visible_to(principal: Principal) -> QuerySet[Proposal]:
    """One's own, and for staff all that were handed in. Reviewers read through their review instead."""
    user = reader(principal)
    if user is None:
        return Proposal.objects.none()
    visible = _own(user)
    if principal.is_staff:
        visible |= ~Q(state__in=_PRIVATE) & ~Q(state=ProposalState.WITHDRAWN, submitted_at=None)
    return _proposals().filter(pk__in=Proposal.objects.filter(visible).values("pk"))


def proposal_for(principal: Principal, proposal_id: int) -> Proposal:
    """Raises NotFound, also for what exists but is somebody else's."""
    proposal = proposals_visible_to(principal).filter(pk=proposal_id).first()
    if proposal is None:
        raise NotFound(_("There is no such proposal, or it is not yours."), hint=_("Yours are listed at /proposals."))
    return proposal


def is_own_side(principal: Principal, proposal: Proposal) -> bool:
    """Applicant, team, or the organisation that would hold the award: they never learn who reviewed."""
    user = reader(principal)
    return user is not None and Proposal.objects.filter(_own(user), pk=proposal.pk).exists()


def _sees_unannounced(principal: Principal, proposal: Proposal) -> bool:
    """A decision is the applicant's to know once it is announced; staff without a conflict know before."""
    user = reader(principal)
    if user is None or not principal.is_staff:
        return False
    return not is_own_side(principal, proposal) and not processing_conflict(user, proposal)


def decisions_shown(principal: Principal, proposal: Proposal) -> list[Decision]:
    """Newest first. While the newest is not announced, the applicant reads those before it (the waiting list's)."""
    decisions = list(proposal.decisions.order_by("-number"))
    if proposal.state == ProposalState.DECIDED and not _sees_unannounced(principal, proposal):
        return decisions[1:]
    return decisions


def conflict_between(user: User, proposal: Proposal) -> str:
    """Why this person must not judge the proposal, in words; empty when nothing is known against it."""
    if user.pk == proposal.applicant_id:
        return _("This is the applicant.")
    # Named is not enough: else an applicant could name whoever should not judge.
    team = set(proposal.team.filter(accepted_at__isnull=False).values_list("user_id", flat=True))
    if user.pk in team:
        return _("This person is, or was, on the team.")
    if _was_on_the_team(user, proposal):
        return _("This person was on the team of an earlier version.")
    organisations = set(Membership.objects.filter(user=user).values_list("organisation_id", flat=True))
    if proposal.holder.organisation_id in organisations or proposal.holder.user_id == user.pk:
        return _("This person belongs to the organisation that applies.")
    others = Membership.objects.filter(user_id__in={proposal.applicant_id, *team}, organisation_id__in=organisations)
    if others.exists():
        return _("This person is in the same organisation as the applicant or a team member.")
    return ""


def _was_on_the_team(user: User, proposal: Proposal) -> bool:
    """Whoever signed a version, or handed it in, keeps the stake, whatever became of the team since."""
    signed = Q(content__team__contains=user.username) | Q(content__applicant=user.username) | Q(submitted_by=user)
    return proposal.versions.filter(signed).exists()


def processing_conflict(user: User, proposal: Proposal) -> str:
    """Why this member of staff must not process, decide or announce it, in words; empty when nothing is known.

    Judging and deciding are two offices: who reviewed it, or stepped aside from reviewing it, does neither.
    """
    conflict = conflict_between(user, proposal)
    if conflict:
        return conflict
    states = set(proposal.reviews.filter(reviewer=user).values_list("state", flat=True))
    if ReviewState.RECUSED in states:
        return _("This person stepped aside as a reviewer.")
    if ReviewState.SUBMITTED in states:
        return _("This person reviewed the proposal.")
    if ReviewState.ACCEPTED in states:
        return _("This person is going to review the proposal.")
    if ReviewState.ASKED in states:
        return _("This person is asked to review it. Whoever declines the review may process the proposal.")
    return ""


def reviewing_conflict(user: User, proposal: Proposal) -> str:
    """Why this person must not review it, in words; empty when nothing is known against it."""
    conflict = conflict_between(user, proposal)
    if conflict:
        return conflict
    if proposal.reviews.filter(assigned_by=user).exists() or proposal.decisions.filter(person=user).exists():
        return _("This person processes the proposal. Whoever asks the reviewers, or decides, does not review.")
    return ""


def place_on_waiting_list(proposal: Proposal) -> int:
    """1 is next; 0 when the proposal does not wait."""
    if proposal.outcome != Outcome.WAITING_LIST or proposal.decided_at is None:
        return 0
    earlier = Q(decided_at__lt=proposal.decided_at) | Q(decided_at=proposal.decided_at, pk__lt=proposal.pk)
    return waiting_proposals(proposal.call_id).filter(earlier).count() + 1


def waiting_proposals(call_id: int) -> QuerySet[Proposal]:
    """In the order in which they will be decided again."""
    return Proposal.objects.filter(
        call_id=call_id, outcome=Outcome.WAITING_LIST, state=ProposalState.ANNOUNCED
    ).order_by("decided_at", "pk")


def outcomes_open(proposal: Proposal) -> list[Outcome]:
    """What staff may decide now: without a review only to decline, from the waiting list not to go on waiting."""
    if proposal.state == ProposalState.SCREENING:
        return [Outcome.DECLINED]
    if proposal.state == ProposalState.DISCUSSION:
        return list(Outcome)
    if proposal.state == ProposalState.ANNOUNCED and proposal.outcome == Outcome.WAITING_LIST:
        return [Outcome.AWARDED, Outcome.PARTLY_AWARDED, Outcome.DECLINED]
    return []


def recompute(decision: Decision) -> bool:
    """Whether the stored rule, run on the stored inputs, gives the stored verdict. True for people's decisions."""
    if not decision.is_by_rule:
        return True
    rule = RULES[decision.rule_name, decision.rule_version]
    reasons = [{"code": reason["code"], "values": reason["values"]} for reason in decision.reasons]
    stored = {"outcome": decision.outcome, "gpu_seconds": decision.gpu_seconds, "reasons": reasons}
    return rule.text_sha256 == decision.rule_sha256 and bool(rule.recompute(decision.inputs) == stored)


def names_open_to(user: User) -> list[Namespace]:
    """The names a person may apply under, their own first."""
    return list(namespaces_of(user, at_least=Role.WRITE))


def to_process(principal: Principal) -> QuerySet[Proposal]:
    """What waits for staff, oldest first."""
    if not principal.is_staff:
        return Proposal.objects.none()
    open_states = [
        ProposalState.SUBMITTED,
        ProposalState.SCREENING,
        ProposalState.IN_REVIEW,
        ProposalState.DISCUSSION,
        ProposalState.DECIDED,
    ]
    waits = Q(state=ProposalState.ANNOUNCED, outcome=Outcome.WAITING_LIST, call__track=Track.STANDARD)
    return proposals_visible_to(principal).filter(Q(state__in=open_states) | waits).order_by("submitted_at", "id")
