"""What must always hold in this room; `manage.py audit` runs it."""

from django.db.models import Q, Sum

from common.models import OutboxEvent
from common.services.auditing import auditor
from compute.enums import EntryKind
from compute.models import GpuSecondEntry
from grants.models import Award, AwardReturn, Call, Decision, RoundDecision
from grants.selectors.proposals import recompute
from grants.selectors.rounds import recompute_round


@auditor("grants.budgets_add_up")
def audit_budgets() -> list[str]:
    """What remains of a budget is the budget less what was decided, and what came back unused."""
    given = dict(Decision.objects.values_list("proposal__call").annotate(total=Sum("gpu_seconds")).order_by())
    rows = AwardReturn.objects.filter(award__proposal__isnull=False).values_list("award__proposal__call")
    back = dict(rows.annotate(total=Sum("gpu_seconds")).order_by())
    return [
        f"call {call.slug}: budget {call.budget_gpu_seconds}, given {given.get(call.pk, 0)}, "
        f"back {back.get(call.pk, 0)}, remaining {call.remaining_gpu_seconds}"
        for call in Call.objects.all()
        if call.budget_gpu_seconds - given.get(call.pk, 0) + back.get(call.pk, 0) != call.remaining_gpu_seconds
    ]


@auditor("grants.returns_are_what_expired")
def audit_returns() -> list[str]:
    """Each return is one expiry of its allocation, at the price of the award; none that was told of is missing."""
    rows = GpuSecondEntry.objects.filter(kind=EntryKind.EXPIRE, allocation__award__isnull=False)
    expired = {entry.reference: entry for entry in rows}
    violations = []
    returns = {row.key: row for row in AwardReturn.objects.select_related("award", "journal")}
    for key, row in returns.items():
        entry, award = expired.get(key), row.award
        if entry is None or (entry.allocation_id, entry.amount) != (award.allocation_id, row.gpu_seconds):
            violations.append(f"{award}: {row.gpu_seconds} went back under {key}, which is not what expired")
        if award.amount is not None and row.amount != row.gpu_seconds * (award.amount // award.gpu_seconds):
            violations.append(f"{award}: {row.amount} micros went back for {row.gpu_seconds} GPU-seconds")
    told = OutboxEvent.objects.filter(topic="allocation.returned", relayed_at__isnull=False)
    violations += [
        f"{event['reference']}: {event['gpu_seconds']} expired and did not go back"
        for event in told.values_list("payload", flat=True)
        if event["key"] in expired and event["key"] not in returns
    ]
    return violations


@auditor("grants.awards_have_allocations")
def audit_awards() -> list[str]:
    """Every announced award has its allocation, of the right size, and was paid for where the pool pays."""
    promised = Decision.objects.filter(
        gpu_seconds__gt=0, proposal__state="announced", proposal__award__isnull=True
    ).values_list("proposal_id", flat=True)
    violations = [f"proposal {number}: awarded, but there is no award" for number in promised]
    for award in Award.objects.select_related("allocation", "proposal", "journal"):
        allocation = award.allocation
        if allocation is None or allocation.reference != award.reference:
            violations.append(f"{award}: it has no allocation of its own")
        elif (allocation.granted, allocation.holder_id) != (award.gpu_seconds, award.holder_id):
            violations.append(f"{award}: promises {award.gpu_seconds}, its allocation holds {allocation.granted}")
        if award.proposal_id is not None:
            given = Decision.objects.filter(proposal=award.proposal_id).aggregate(total=Sum("gpu_seconds"))["total"]
            if given != award.gpu_seconds:
                violations.append(f"{award}: promises {award.gpu_seconds}, decided was {given}")
        elif award.journal_id is None:
            violations.append(f"{award}: the pool paid nothing for it")
    return violations


@auditor("grants.decisions_recompute")
def audit_decisions() -> list[str]:
    """Every decision by rule can be recomputed from what it stored."""
    violations = [
        f"{decision}: the rule gives another verdict"
        for decision in Decision.objects.filter(~Q(rule_name=""))
        if not recompute(decision)
    ]
    for decision in RoundDecision.objects.select_related("round"):
        if not recompute_round(decision):
            violations.append(f"{decision}: the rule gives another verdict")
        given = Award.objects.filter(nomination__round=decision.round_id).aggregate(total=Sum("amount"))["total"] or 0
        if given != sum(row["amount"] for row in decision.results):
            violations.append(f"{decision}: decided and awarded amounts differ")
    return violations
