"""Reviews: blind to other reviewers until one's own is in, and nameless to everybody but staff."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import NotFound
from grants.enums import WITH_REVIEWERS, ReviewState
from grants.models import Proposal, Review
from grants.selectors.proposals import conflict_between, is_own_side, reader


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


def reviews_of(principal: Principal) -> QuerySet[Review]:
    """What this person is asked to review or has reviewed. A recused reviewer no longer sees it."""
    user = reader(principal)
    if user is None:
        return Review.objects.none()
    return (
        Review.objects.filter(reviewer=user, proposal__state__in=WITH_REVIEWERS)
        .exclude(state=ReviewState.RECUSED)
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
    if principal.is_staff and not _is_reviewer(proposal, user.pk) and not conflict_between(user, proposal):
        return _show(proposal, user.pk, names=True)
    handed_in = proposal.reviews.filter(reviewer=user, state=ReviewState.SUBMITTED).exists()
    return _show(proposal, user.pk, names=False) if handed_in else []


def _is_reviewer(proposal: Proposal, user_id: int) -> bool:
    """Staff who review, or recused themselves, read as reviewers do."""
    return proposal.reviews.filter(reviewer_id=user_id).exists()


def _show(proposal: Proposal, reader_id: int, *, names: bool) -> list[ShownReview]:
    rows = list(proposal.reviews.select_related("reviewer", "version").order_by("id"))
    return [
        ShownReview(
            number=number,
            version=row.version.number,
            state=row.state,
            score=row.score,
            text=row.text if row.state == ReviewState.SUBMITTED or not names else row.conflict,
            reviewer=row.reviewer.username if names else "",
            own=row.reviewer_id == reader_id,
        )
        for number, row in enumerate(rows, start=1)
        if names or row.state == ReviewState.SUBMITTED
    ]
