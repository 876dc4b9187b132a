"""`manage.py open_round SLUG --currency eur --budget MICROS …`; running it again changes nothing."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.models import User
from common.errors import Refusal
from grants.services.rounds import add_to_panel, open_round


class Command(BaseCommand):
    help = "Open a community round on a part of the award pool. The same slug again leaves the first round as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--title", default="")
        parser.add_argument("--summary", default="")
        parser.add_argument("--currency", required=True)
        parser.add_argument("--budget", type=int, required=True, help="micros of the currency")
        parser.add_argument("--flavor", default="cpu-demo", help="what the awards buy, at its price")
        parser.add_argument("--days", type=int, default=14, help="open for so many days")
        parser.add_argument("--cap-permille", type=int, default=125, help="cap per project, in thousandths")
        parser.add_argument("--seats", type=int, default=5, help="number of awards")
        parser.add_argument("--least-scores", type=int, default=2)
        parser.add_argument("--least-mean", type=int, default=3)
        parser.add_argument("--award-days", type=int, default=90)
        parser.add_argument("--panel", nargs="*", default=[], metavar="USER")

    def handle(self, *args: Any, **options: Any) -> None:
        panel = list(User.objects.filter(username__in=options["panel"]))
        missing = set(options["panel"]) - {user.username for user in panel}
        if missing:
            raise CommandError(f"There is nobody called {', '.join(sorted(missing))}.")
        try:
            round_ = open_round(
                options["slug"],
                by=None,
                title=options["title"] or options["slug"].replace("-", " ").capitalize(),
                summary=options["summary"],
                currency=options["currency"],
                budget=options["budget"],
                flavor=options["flavor"],
                closes_at=timezone.now() + timedelta(days=options["days"]),
                cap_permille=options["cap_permille"],
                seats=options["seats"],
                least_scores=options["least_scores"],
                least_mean=options["least_mean"],
                award_days=options["award_days"],
            )
            for user in panel:
                add_to_panel(round_, user, by=None)
        except Refusal as error:
            raise CommandError(str(error)) from error
        self.stdout.write(round_.get_absolute_url())
