"""`manage.py return_unused`: what expired of awards before it went back by itself; running it again changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand

from grants.selectors.awards import expiries_to_return
from grants.services.returns import take_back


class Command(BaseCommand):
    help = "Give what expired unused of awards back to the budgets of their calls and to the pool."

    def handle(self, *args: Any, **options: Any) -> None:
        rows = list(expiries_to_return())
        for entry in rows:
            take_back(entry.allocation.reference, gpu_seconds=entry.amount, key=entry.reference)
        self.stdout.write(f"{sum(row.amount for row in rows)} GPU-seconds of {len(rows)} expiries went back.")
