"""`manage.py close_month 2026 11 [--through now]`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from common.errors import Refusal
from common.money import format_money
from revenue.services import months


class Command(BaseCommand):
    help = "Close a month that is over, or the running month through a moment of it; print its closings."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("year", type=int)
        parser.add_argument("month", type=int)
        parser.add_argument("--through", help="'now', or a moment such as 2026-11-22T12:00:00+00:00")

    def handle(self, *args: Any, **options: Any) -> None:
        asked = options["through"]
        through = timezone.now() if asked == "now" else asked and parse_datetime(asked)
        if asked and (through is None or timezone.is_naive(through)):
            raise CommandError("Write the moment with its time zone, such as 2026-11-22T12:00:00+00:00.")
        try:
            closings = months.close_month(options["year"], options["month"], through=through or None)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        for close in closings:
            figures = [
                format_money(amount, close.currency) for amount in (close.net, close.pool, close.creators, close.awards)
            ]
            self.stdout.write(
                f"{close.period}  net {figures[0]}  pool {figures[1]}  creators {figures[2]}"
                f" ({close.beneficiaries} people)  awards {figures[3]}"
            )
        if not closings:
            self.stdout.write("There was no revenue in this month.")
