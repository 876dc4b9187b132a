"""`manage.py return_unused`: what expired of awards before it went back by itself; running it again changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand

from compute.enums import EntryKind
from compute.models import GpuSecondEntry
from grants.models import AwardReturn
from grants.services.returns import take_back


class Command(BaseCommand):
    help = "Give what expired unused of awards back to the budgets of their calls and to the pool."

    def handle(self, *args: Any, **options: Any) -> None:
        done = AwardReturn.objects.values("key")
        expired = GpuSecondEntry.objects.filter(kind=EntryKind.EXPIRE, allocation__award__isnull=False)
        rows = list(expired.exclude(reference__in=done).select_related("allocation").order_by("id"))
        for entry in rows:
            take_back(entry.allocation.reference, gpu_seconds=entry.amount, key=entry.reference)
        self.stdout.write(f"{sum(row.amount for row in rows)} GPU-seconds of {len(rows)} expiries went back.")
