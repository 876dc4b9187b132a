"""One award as everybody may read it: how it was decided, what was used of it, what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from common.errors import NotFound
from compute.enums import EntryKind
from compute.models import Allocation, GpuSecondEntry
from compute.selectors import balances
from grants.algorithms.rules import RULES, Rule
from grants.enums import Outcome, ProposalState, sentence
from grants.models import Award, AwardReturn, Call, Decision, Proposal
from grants.selectors.calls import awards
from grants.selectors.proposals import recompute
from grants.selectors.rounds import recompute_round
from hub.models import Sponsor

VERSIONS_SHOWN = 20


@dataclass(frozen=True)
class ShownDecision:
    """How an award came about. `rule` is None where people decided; `recomputed` then too."""

    rule: Rule | None
    inputs: list[tuple[str, Any]]
    reasons: list[str]
    at: datetime
    recomputed: bool | None
    person: str


@dataclass(frozen=True)
class Usage:
    """GPU-seconds of the allocation behind an award."""

    used: int
    reserved: int
    available: int
    expired: int


@dataclass(frozen=True)
class CallNumbers:
    """What was announced in a call: proposals by outcome, and what they asked and got. Nothing unannounced."""

    awarded: int
    waiting: int
    declined: int
    asked_gpu_seconds: int
    given_gpu_seconds: int
    returned_gpu_seconds: int

    @property
    def decided(self) -> int:
        return self.awarded + self.declined

    @property
    def success_percent(self) -> int | None:
        """Of what was awarded or declined; who waits is neither. None before the first."""
        return round(100 * self.awarded / self.decided) if self.decided else None


def award_numbered(award_id: int) -> Award:
    """Awards are public. Raises NotFound."""
    award = awards().select_related("allocation", "nomination__round__decision").filter(pk=award_id).first()
    if award is None:
        raise NotFound(_("There is no such award."), hint=_("All awards are listed at /awards."))
    return award


def award_behind(allocation: Allocation) -> Award | None:
    """What opened an allocation, if an award did."""
    return Award.objects.filter(allocation=allocation).first()


def expiries_to_return() -> QuerySet[GpuSecondEntry]:
    """What expired in allocations of awards and never went back, the oldest first."""
    expired = GpuSecondEntry.objects.filter(kind=EntryKind.EXPIRE, allocation__award__isnull=False)
    done = AwardReturn.objects.values("key")
    return expired.exclude(reference__in=done).select_related("allocation").order_by("id")


def decision_shown(award: Award) -> ShownDecision:
    """Rule, inputs and reasons, as they were written down."""
    if award.proposal is not None:
        decision = Decision.objects.filter(proposal=award.proposal, gpu_seconds__gt=0).order_by("-number").first()
        assert decision is not None, "an award follows from a decision"
        return ShownDecision(
            rule=RULES.get((decision.rule_name, decision.rule_version)),
            inputs=sorted(decision.inputs.items()),
            reasons=[sentence(reason["code"], reason["values"]) for reason in decision.reasons],
            at=decision.at,
            recomputed=recompute(decision) if decision.is_by_rule else None,
            person="",
        )
    assert award.nomination is not None
    made = award.nomination.round.decision
    own = next(row for row in made.inputs["candidates"] if row["nomination"] == award.nomination_id)
    result = next(row for row in made.results if row["nomination"] == award.nomination_id)
    whole = {name: value for name, value in made.inputs.items() if name != "candidates"}
    return ShownDecision(
        rule=RULES[made.rule_name, made.rule_version],
        inputs=sorted({**whole, "asked_gpu_seconds": own["asked_gpu_seconds"], "scores": own["scores"]}.items()),
        reasons=[sentence(result["reason"]["code"], result["reason"]["values"])],
        at=made.at,
        recomputed=recompute_round(made),
        person=made.decided_by.username if made.decided_by else "",
    )


def usage_of(award: Award) -> Usage:
    row: Any = balances(award.allocation) if award.allocation else None
    return Usage(row.used, row.reserved, row.available, row.expired) if row else Usage(0, 0, 0, 0)


def published_from(award: Award) -> QuerySet[Sponsor]:
    """Versions of public repositories that jobs paid by this award published, newest first."""
    return (
        Sponsor.objects.filter(source=award.reference, version__repository__visibility="public")
        .select_related("version__repository__namespace")
        .order_by("-version__published_at", "-id")
    )


def numbers_of(call: Call) -> CallNumbers:
    announced = Proposal.objects.filter(call=call, state=ProposalState.ANNOUNCED)
    gives = Q(outcome__in=[Outcome.AWARDED, Outcome.PARTLY_AWARDED])
    sums = announced.aggregate(
        awarded=Count("pk", filter=gives),
        waiting=Count("pk", filter=Q(outcome=Outcome.WAITING_LIST)),
        declined=Count("pk", filter=Q(outcome=Outcome.DECLINED)),
        asked=Sum("asked_gpu_seconds"),
    )
    given = Award.objects.filter(proposal__call=call).aggregate(total=Sum("gpu_seconds"))["total"]
    back = AwardReturn.objects.filter(award__proposal__call=call).aggregate(total=Sum("gpu_seconds"))["total"]
    return CallNumbers(sums["awarded"], sums["waiting"], sums["declined"], sums["asked"] or 0, given or 0, back or 0)
