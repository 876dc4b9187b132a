"""What must hold in this room, for `manage.py audit`."""

from django.db.models import Count, F

from common.services.auditing import auditor
from inference.enums import Billing, GenerationState
from inference.models import Generation
from revenue.models import Journal


@auditor("generations: every one that is ready has its pictures")
def pictures_are_there() -> list[str]:
    rows = Generation.objects.filter(state=GenerationState.SUCCEEDED).annotate(kept=Count("pictures"))
    wrong = rows.exclude(kept=F("count")).values_list("pk", "count", "kept")
    return [f"generation {pk}: {kept} of {count} pictures are kept" for pk, count, kept in wrong]


@auditor("generations: billed once when ready on credits, never otherwise")
def billed_once() -> list[str]:
    prefix = "spend:generation:"
    paid = set(Journal.objects.filter(key__startswith=prefix).values_list("key", flat=True))
    owed = {
        f"{prefix}{pk}"
        for pk in Generation.objects.filter(state=GenerationState.SUCCEEDED, billing=Billing.CREDITS).values_list(
            "pk", flat=True
        )
    }
    unpaid = [f"{key.removeprefix('spend:')} was delivered and not billed" for key in sorted(owed - paid)]
    return unpaid + [f"{key.removeprefix('spend:')} was billed and not delivered" for key in sorted(paid - owed)]
