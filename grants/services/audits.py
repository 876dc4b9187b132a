"""What must always hold in this room; `manage.py audit` runs it."""

from django.db.models import Q, Sum

from common.services.auditing import auditor
from grants.models import Award, Call, Decision, RoundDecision
from grants.selectors.proposals import recompute
from grants.selectors.rounds import recompute_round


@auditor("grants.budgets_add_up")
def audit_budgets() -> list[str]:
    """What remains of a budget is the budget less what was decided."""
    given = dict(Decision.objects.values_list("proposal__call").annotate(total=Sum("gpu_seconds")).order_by())
    return [
        f"call {call.slug}: budget {call.budget_gpu_seconds}, given {given.get(call.pk, 0)}, "
        f"remaining {call.remaining_gpu_seconds}"
        for call in Call.objects.all()
        if call.budget_gpu_seconds - given.get(call.pk, 0) != call.remaining_gpu_seconds
    ]


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
