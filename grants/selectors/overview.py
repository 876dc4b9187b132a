"""A call as its officers see it: what was handed in, and what the reviewers made of it."""

from dataclasses import dataclass

from django.db.models import Avg, Case, Count, F, FloatField, Q, QuerySet, When

from accounts.principal import Principal
from grants.enums import ProposalState, ReviewState
from grants.models import Call, Proposal
from grants.selectors.proposals import proposals_visible_to
from grants.selectors.sight import kept_from

_GIVEN = Q(reviews__state=ReviewState.SUBMITTED)
_AWAITED = Q(reviews__state__in=[ReviewState.ASKED, ReviewState.ACCEPTED])


@dataclass(frozen=True)
class Line:
    """One proposal; scores and outcome are None where this member of staff has a part in it."""

    proposal: Proposal
    mean: float | None
    given: int | None
    awaited: int | None
    outcome: str


def handed_in(principal: Principal, call: Call, *, by_score: bool = False) -> QuerySet[Proposal]:
    """What staff see of a call, in the order of arrival, or best first by the mean of the first scores."""
    if not principal.is_staff:
        return Proposal.objects.none()
    found = proposals_visible_to(principal).filter(call=call).exclude(submitted_at=None)
    scored = found.annotate(
        mean=Avg("reviews__score", filter=_GIVEN),
        given=Count("reviews", filter=_GIVEN),
        awaited=Count("reviews", filter=_AWAITED),
    )
    if not by_score:
        return scored.order_by("submitted_at", "pk")
    # Those kept from this reader come last, in the order of arrival: their place would tell their mean.
    kept = kept_from(principal.user) if principal.user else Proposal.objects.none()
    place = Case(When(pk__in=kept.values("pk"), then=None), default=F("mean"), output_field=FloatField())
    return scored.annotate(is_kept=Q(pk__in=kept.values("pk")), place=place).order_by(
        "is_kept", F("place").desc(nulls_last=True), "pk"
    )


def lines(principal: Principal, proposals: list[Proposal]) -> list[Line]:
    kept = set(kept_from(principal.user).values_list("pk", flat=True)) if principal.user else set()
    return [_line(row, is_kept=row.pk in kept) for row in proposals]


def _line(row: Proposal, *, is_kept: bool) -> Line:
    is_public = row.state == ProposalState.ANNOUNCED
    outcome = row.get_outcome_display() if is_public or not is_kept else ""
    if is_kept:
        return Line(row, None, None, None, outcome)
    mean, given, awaited = (getattr(row, name) for name in ("mean", "given", "awaited"))
    return Line(row, mean, given, awaited, outcome)
