"""Screening, assigning reviewers, and reviewing: the standard track up to the decision."""

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit, outbox
from grants.algorithms.texts import visible, visible_characters
from grants.enums import REVIEW_ENDED, ProposalState, ReviewState
from grants.models import Proposal, Review, ReviewRevision
from grants.rules import may_process, may_review, why_not_process
from grants.selectors.proposals import reviewing_conflict
from grants.services.moves import lock, move

REVIEW_DAYS = 14
CHANGE_DAYS = 14
MOST_CHANGE_DAYS = 90


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
def return_for_changes(proposal: Proposal, reason: str, *, by: Principal, days: int = CHANGE_DAYS) -> Proposal:
    """Hand the pen back to the applicant for so many days, and say why. Signatures are void."""
    proposal = _locked_for_staff(proposal, by)
    if not visible(reason):
        raise Invalid(_("Say what should be changed."), field="reason")
    if proposal.state == ProposalState.SUBMITTED:
        move(proposal, ProposalState.SCREENING, by=by)
    if days not in range(1, MOST_CHANGE_DAYS + 1):
        raise Invalid(_("The time for changes is from 1 to %(most)d days.") % {"most": MOST_CHANGE_DAYS}, field="days")
    proposal.note = reason.strip()
    proposal.changes_until = timezone.now() + timedelta(days=days)
    move(proposal, ProposalState.RETURNED, by=by, reason=proposal.note)
    proposal.team.update(signed_at=None)
    return proposal


@transaction.atomic
def assign_reviewer(proposal: Proposal, reviewer: User, *, by: Principal, due_on: date | None = None) -> Review:
    """Ask somebody to review the newest version, by default within two weeks; asking twice asks once.

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
    conflict = reviewing_conflict(reviewer, proposal)
    if by.user == reviewer:
        conflict = _("Nobody asks themselves for a review.")
    elif reviewer.is_staff and proposal.reviews.filter(state=ReviewState.SUBMITTED).exclude(reviewer=reviewer).exists():
        conflict = _("This person is staff, and could read the review that is in.")
    if conflict:
        raise Conflict(conflict, hint=_("Choose another reviewer."), code="conflict_of_interest")
    due_on = due_on or timezone.localdate() + timedelta(days=REVIEW_DAYS)
    if due_on < timezone.localdate():
        raise Invalid(_("This day is over."), hint=_("Choose a day from today on."), field="due_on")
    version = proposal.versions.order_by("-number").first()
    review, created = Review.objects.get_or_create(
        version=version, reviewer=reviewer, defaults={"proposal": proposal, "assigned_by": by.user, "due_on": due_on}
    )
    if review.state == ReviewState.RECUSED:
        raise Conflict(_("This person stepped aside as a reviewer."), hint=_("Choose another reviewer."))
    if review.state in REVIEW_ENDED:
        review.state, review.conflict, review.due_on, review.assigned_by = ReviewState.ASKED, "", due_on, by.user
        review.save()
        created = True
    if created:
        audit.record("review.asked", f"proposal:{proposal.pk}", actor=by, reviewer=reviewer.username)
        turn = timezone.now().isoformat()
        outbox.emit("review.asked", f"review.asked:{review.pk}:{turn}", {"review": review.pk})
    return review


@transaction.atomic
def release_reviewer(review: Review, *, by: Principal) -> Review:
    """Staff no longer wait for this review. One that was handed in stays."""
    _locked_for_staff(review.proposal, by)
    review = Review.objects.select_for_update(of=("self",)).select_related("reviewer").get(pk=review.pk)
    if review.state not in {ReviewState.ASKED, ReviewState.ACCEPTED}:
        raise Conflict(_("Nobody waits for this review."), code="wrong_state")
    review.state = ReviewState.RELEASED
    review.save()
    audit.record("review.released", f"proposal:{review.proposal_id}", actor=by, reviewer=review.reviewer.username)
    return review


@transaction.atomic
def accept_review(review: Review, *, by: Principal) -> Review:
    """The reviewer will do it. Saying so twice says it once."""
    _proposal, review = _lock_review(review, by)
    if review.state == ReviewState.ASKED:
        _require_no_conflict(review)
        review.state = ReviewState.ACCEPTED
        review.save()
        audit.record("review.accepted", f"proposal:{review.proposal_id}", actor=by)
    return review


@transaction.atomic
def decline_review(review: Review, reason: str, *, by: Principal) -> Review:
    """The reviewer has no time, or does not know the field. No stake is claimed by it."""
    _proposal, review = _lock_review(review, by)
    if review.state == ReviewState.SUBMITTED:
        raise Conflict(_("The review is handed in."), hint=_("Only a conflict takes it back."), code="wrong_state")
    review.state = ReviewState.DECLINED
    review.conflict = reason.strip()[:300]
    review.save()
    audit.record("review.declined", f"proposal:{review.proposal_id}", actor=by, reason=review.conflict)
    return review


@transaction.atomic
def declare_conflict(review: Review, reason: str, *, by: Principal) -> Review:
    """The reviewer steps aside and can no longer open it. A score given before is withdrawn."""
    _proposal, review = _lock_review(review, by)
    if not visible(reason):
        raise Invalid(_("Say in a few words what the conflict is."), hint=_("Only staff read it."), field="reason")
    review.state = ReviewState.RECUSED
    review.conflict = reason.strip()[:300]
    review.score, review.submitted_at = None, None
    review.save()
    audit.record("review.recused", f"proposal:{review.proposal_id}", actor=by, reason=review.conflict)
    return review


@transaction.atomic
def submit_review(review: Review, *, score: int, text: str, by: Principal) -> Review:
    """Hand in score (1 to 5) and text. Both may be changed until the reviews of others are shown.

    From then on the first judgement stands, and a change is kept beside it as a revision, also in the discussion.
    """
    proposal, review = _lock_review(review, by)
    _require_no_conflict(review)
    if score not in range(1, 6):
        raise Invalid(_("The score is a whole number from 1 to 5."), field="score")
    if visible_characters(text) < 20 or len(text) > 10_000:
        raise Invalid(
            _("Write between 20 and 10,000 characters."), hint=_("The applicant learns from them."), field="text"
        )
    others = proposal.reviews.filter(state=ReviewState.SUBMITTED).exclude(pk=review.pk)
    if review.state == ReviewState.SUBMITTED and (review.others_shown or others.exists()):
        return _revise(review, score, text.strip(), by=by)
    if proposal.state != ProposalState.IN_REVIEW:
        raise Conflict(_("The review is over."), code="wrong_state")
    review.score, review.text = score, text.strip()
    review.state, review.submitted_at = ReviewState.SUBMITTED, timezone.now()
    review.others_shown = review.others_shown or others.exists()
    review.save()
    # From now on those who handed in before read this one.
    others.update(others_shown=True)
    audit.record("review.submitted", f"proposal:{proposal.pk}", actor=by, score=score)
    return review


def _revise(review: Review, score: int, text: str, *, by: Principal) -> Review:
    """Add to the first judgement what came of reading the others. The same once more adds nothing."""
    last = review.revisions.order_by("-number").first()
    if (score, text) == ((last.score, last.text) if last else (review.score, review.text)):
        return review
    number = last.number + 1 if last else 1
    ReviewRevision.objects.create(review=review, number=number, score=score, text=text)
    audit.record("review.revised", f"proposal:{review.proposal_id}", actor=by, score=score, number=number)
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


def _lock_review(review: Review, by: Principal) -> tuple[Proposal, Review]:
    """Both rows locked, for the reviewer, while there is something to review or to discuss."""
    proposal = lock(review.proposal_id)
    review = Review.objects.select_for_update(of=("self",)).select_related("reviewer").get(pk=review.pk)
    review.proposal = proposal
    if not may_review(by, review):
        raise Forbidden(_("This review is somebody else's."))
    if proposal.state not in {ProposalState.IN_REVIEW, ProposalState.DISCUSSION}:
        raise Conflict(_("The review is over."), code="wrong_state")
    return proposal, review


def _require_no_conflict(review: Review) -> None:
    conflict = reviewing_conflict(review.reviewer, review.proposal)
    if conflict:
        raise Conflict(conflict, hint=_("Declare the conflict instead."), code="conflict_of_interest")
