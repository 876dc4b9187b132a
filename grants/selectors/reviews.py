"""Reviews: blind to other reviewers until one's own is in, and nameless to everybody but staff."""

from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import NotFound
from grants.enums import REVIEW_ENDED, WITH_REVIEWERS, ReviewState
from grants.models import Proposal, Review, ReviewRevision
from grants.selectors.proposals import is_own_side, processing_conflict, reader


@dataclass(frozen=True)
class ShownReview:
    """A review as one reader sees it. `reviewer` is empty unless the reader may know the name."""

    number: int
    version: int
    state: str
    score: int | None
    text: str
    reviewer: str
    own: bool
    state_words: str
    due_on: date | None
    is_overdue: bool
    after_others: bool
    revisions: tuple[ReviewRevision, ...]
    review_id: int


def reviews_of(principal: Principal) -> QuerySet[Review]:
    """What this person is asked to review or has reviewed. Who stepped aside or declined no longer sees it."""
    user = reader(principal)
    if user is None:
        return Review.objects.none()
    return (
        Review.objects.filter(reviewer=user, proposal__state__in=WITH_REVIEWERS)
        .exclude(state__in=REVIEW_ENDED)
        .select_related("proposal__call", "version")
        .order_by("state", "-id")
    )


def review_for(principal: Principal, review_id: int) -> Review:
    """Raises NotFound."""
    review = reviews_of(principal).filter(pk=review_id).first()
    if review is None:
        raise NotFound(_("There is no such review, or it is not yours."), hint=_("Yours are listed at /reviews."))
    return review


def reviews_shown(principal: Principal, proposal: Proposal) -> list[ShownReview]:
    """The applicant's side: after the announcement, without names. Staff: all, with names, unless in conflict.
    A reviewer: the others' only once their own is in, without names."""
    user = reader(principal)
    if user is None:
        return []
    if is_own_side(principal, proposal):
        return _show(proposal, user.pk, names=False) if proposal.was_announced else []
    if principal.is_staff and not processing_conflict(user, proposal):
        return _show(proposal, user.pk, names=True)
    handed_in = proposal.reviews.filter(reviewer=user, state=ReviewState.SUBMITTED).exists()
    return _show(proposal, user.pk, names=False) if handed_in else []


def _show(proposal: Proposal, reader_id: int, *, names: bool) -> list[ShownReview]:
    """Numbered so that everybody means the same by a number, and no gap tells how many declined."""
    found = proposal.reviews.select_related("reviewer", "version").prefetch_related("revisions").order_by("id")
    rows = sorted(found, key=lambda row: row.state != ReviewState.SUBMITTED)
    return [
        ShownReview(
            number=number,
            version=row.version.number,
            state=row.state,
            score=row.score,
            text=row.text if row.state == ReviewState.SUBMITTED or not names else row.conflict,
            reviewer=row.reviewer.username if names else "",
            own=row.reviewer_id == reader_id,
            state_words=row.get_state_display(),
            due_on=row.due_on if names else None,
            is_overdue=row.is_overdue,
            after_others=row.others_shown,
            revisions=tuple(row.revisions.all()) if row.state == ReviewState.SUBMITTED else (),
            review_id=row.pk,
        )
        for number, row in enumerate(rows, start=1)
        if names or row.state == ReviewState.SUBMITTED
    ]
