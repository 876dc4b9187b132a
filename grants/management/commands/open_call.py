"""`manage.py open_call SLUG …`: open a call; running it again changes nothing."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from common.errors import Refusal
from grants.enums import Track
from grants.services.calls import add_budget, open_call


class Command(BaseCommand):
    help = "Open a call for proposals. The same slug again leaves the first call as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--title", default="")
        parser.add_argument("--summary", default="")
        parser.add_argument("--programme", default="open-compute", help="slug of the programme")
        parser.add_argument("--track", choices=Track.values, default=Track.INSTANT)
        parser.add_argument("--flavor-class", default="cpu-demo")
        parser.add_argument("--budget", type=int, default=360_000, help="GPU-seconds")
        parser.add_argument("--largest", type=int, default=7_200, help="largest award, GPU-seconds")
        parser.add_argument("--smallest", type=int, default=60, help="smallest award, GPU-seconds")
        parser.add_argument("--award-days", type=int, default=90)
        parser.add_argument("--most-open-awards", type=int, default=2)
        parser.add_argument("--least-abstract", type=int, default=80, help="characters")
        parser.add_argument("--needs-email", action="store_true")
        parser.add_argument("--questions", default="[]", help='JSON: [{"key", "label", "help", "required"}]')
        parser.add_argument("--days", type=int, default=0, help="close after so many days; 0 stays open")
        parser.add_argument("--add-budget", type=int, default=0, help="raise the budget by so many GPU-seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            call = open_call(
                options["slug"],
                by=None,
                programme=options["programme"],
                title=options["title"] or options["slug"].replace("-", " ").capitalize(),
                summary=options["summary"],
                track=Track(options["track"]),
                flavor_class=options["flavor_class"],
                budget_gpu_seconds=options["budget"],
                largest_gpu_seconds=options["largest"],
                smallest_gpu_seconds=options["smallest"],
                award_days=options["award_days"],
                most_open_awards=options["most_open_awards"],
                least_abstract_characters=options["least_abstract"],
                needs_email=options["needs_email"],
                closes_at=timezone.now() + timedelta(days=options["days"]) if options["days"] else None,
                questions=json.loads(options["questions"]),
            )
            if options["add_budget"]:
                add_budget(call, options["add_budget"], by=None)
        except (Refusal, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(call.get_absolute_url())
