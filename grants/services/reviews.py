"""Screening, assigning reviewers, and reviewing: the standard track up to the decision."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit, outbox
from grants.enums import ProposalState, ReviewState
from grants.models import Proposal, Review
from grants.rules import may_process, may_review, why_not_process
from grants.selectors.proposals import conflict_between
from grants.services.moves import lock, move


@transaction.atomic
def begin_screening(proposal: Proposal, *, by: Principal) -> Proposal:
    """Staff look whether it is complete and within the call."""
    proposal = _locked_for_staff(proposal, by)
    move(proposal, ProposalState.SCREENING, by=by)
    return proposal


@transaction.atomic
def send_to_reviewers(proposal: Proposal, *, by: Principal) -> Proposal:
    """The screening found nothing against it."""
    proposal = _locked_for_staff(proposal, by)
    if proposal.state == ProposalState.SUBMITTED:
        move(proposal, ProposalState.SCREENING, by=by)
    move(proposal, ProposalState.IN_REVIEW, by=by)
    return proposal


@transaction.atomic
def return_for_changes(proposal: Proposal, reason: str, *, by: Principal) -> Proposal:
    """Hand the pen back to the applicant, and say why. Signatures are void."""
    proposal = _locked_for_staff(proposal, by)
    if not reason.strip():
        raise Invalid(_("Say what should be changed."))
    if proposal.state == ProposalState.SUBMITTED:
        move(proposal, ProposalState.SCREENING, by=by)
    proposal.note = reason.strip()
    move(proposal, ProposalState.RETURNED, by=by, reason=proposal.note)
    proposal.team.update(signed_at=None)
    return proposal


@transaction.atomic
def assign_reviewer(proposal: Proposal, reviewer: User, *, by: Principal) -> Review:
    """Ask somebody to review the newest version; asking twice asks once.

    Raises Conflict with the reason when the person has a stake in it.
    """
    proposal = _locked_for_staff(proposal, by)
    if proposal.state != ProposalState.IN_REVIEW:
        raise Conflict(
            _("Reviewers are assigned while the proposal is in review."),
            hint=_("Send it to reviewers first."),
            code="wrong_state",
        )
    if not reviewer.is_active:
        raise Invalid(_("This account is not active."))
    conflict = conflict_between(reviewer, proposal)
    if conflict:
        raise Conflict(conflict, hint=_("Choose another reviewer."), code="conflict_of_interest")
    version = proposal.versions.order_by("-number").first()
    review, created = Review.objects.get_or_create(
        version=version, reviewer=reviewer, defaults={"proposal": proposal, "assigned_by": by.user}
    )
    if created:
        audit.record("review.asked", f"proposal:{proposal.pk}", actor=by, reviewer=reviewer.username)
        outbox.emit("review.asked", f"review.asked:{review.pk}", {"review": review.pk})
    return review


@transaction.atomic
def declare_conflict(review: Review, reason: str, *, by: Principal) -> Review:
    """The reviewer steps aside and can no longer open it. A score given before is withdrawn."""
    lock(review.proposal_id)
    review = Review.objects.select_for_update().get(pk=review.pk)
    _require_reviewer(review, by)
    if review.proposal.state not in {ProposalState.IN_REVIEW, ProposalState.DISCUSSION}:
        raise Conflict(_("The review is over."), code="wrong_state")
    if not reason.strip():
        raise Invalid(_("Say in a few words what the conflict is."), hint=_("Only staff read it."))
    review.state = ReviewState.RECUSED
    review.conflict = reason.strip()[:300]
    review.score, review.submitted_at = None, None
    review.save()
    audit.record("review.recused", f"proposal:{review.proposal_id}", actor=by, reason=review.conflict)
    return review


@transaction.atomic
def submit_review(review: Review, *, score: int, text: str, by: Principal) -> Review:
    """Hand in score (1 to 5) and text; both may be changed until the discussion begins."""
    proposal = lock(review.proposal_id)
    review = Review.objects.select_for_update().get(pk=review.pk)
    _require_reviewer(review, by)
    conflict = conflict_between(review.reviewer, proposal)
    if conflict:
        raise Conflict(conflict, hint=_("Declare the conflict instead."), code="conflict_of_interest")
    if proposal.state != ProposalState.IN_REVIEW:
        raise Conflict(_("The review is over."), code="wrong_state")
    if score not in range(1, 6):
        raise Invalid(_("The score is a whole number from 1 to 5."))
    if len(text.strip()) < 20 or len(text) > 10_000:
        raise Invalid(_("Write between 20 and 10,000 characters."), hint=_("The applicant learns from them."))
    review.score, review.text = score, text.strip()
    review.state, review.submitted_at = ReviewState.SUBMITTED, timezone.now()
    review.save()
    audit.record("review.submitted", f"proposal:{proposal.pk}", actor=by, score=score)
    return review


@transaction.atomic
def begin_discussion(proposal: Proposal, *, by: Principal) -> Proposal:
    """Staff close the reviews; at least one must be in."""
    proposal = _locked_for_staff(proposal, by)
    reviews = proposal.reviews.filter(version__number=proposal.versions.count())
    if not reviews.filter(state=ReviewState.SUBMITTED).exists():
        raise Conflict(_("There is no review yet."), hint=_("Assign a reviewer, or wait for the review."))
    move(proposal, ProposalState.DISCUSSION, by=by)
    return proposal


@transaction.atomic
def ask_for_more_reviews(proposal: Proposal, *, by: Principal) -> Proposal:
    """From the discussion back to review."""
    proposal = _locked_for_staff(proposal, by)
    if proposal.state != ProposalState.DISCUSSION:
        raise Conflict(_("Only a discussion can go back to review."), code="wrong_state")
    move(proposal, ProposalState.IN_REVIEW, by=by)
    return proposal


def _locked_for_staff(proposal: Proposal, by: Principal) -> Proposal:
    proposal = lock(proposal.pk)
    if not may_process(by, proposal):
        raise Forbidden(
            _("Only staff without a stake in this proposal may do this."), hint=why_not_process(by, proposal)
        )
    if proposal.call.is_instant:
        raise Conflict(_("In an instant call the rule decides, nobody else."), code="wrong_state")
    return proposal


def _require_reviewer(review: Review, by: Principal) -> None:
    if not may_review(by, review):
        raise Forbidden(_("This review is somebody else's."))
