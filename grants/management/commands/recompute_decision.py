"""`manage.py recompute_decision ID`: exit 0 when the stored rule and inputs give the stored verdict."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from grants.models import Decision, RoundDecision
from grants.selectors.proposals import recompute
from grants.selectors.rounds import recompute_round


class Command(BaseCommand):
    help = "Run a decision's rule again on its stored inputs and compare. Exit 1 when the verdict differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("decision", type=int)
        parser.add_argument("--round", action="store_true", help="a community round's decision")

    def handle(self, *args: Any, **options: Any) -> None:
        kind = RoundDecision if options["round"] else Decision
        decision = kind.objects.filter(pk=options["decision"]).first()
        if decision is None:
            raise CommandError(f"There is no decision {options['decision']}.")
        if not decision.rule_name:
            raise CommandError("A person took this decision; there is no rule to run.")
        same = recompute_round(decision) if isinstance(decision, RoundDecision) else recompute(decision)
        self.stdout.write(f"rule {decision.rule_name} version {decision.rule_version}, text {decision.rule_sha256}")
        self.stdout.write(json.dumps(decision.inputs, indent=2, sort_keys=True))
        self.stdout.write("same verdict" if same else "ANOTHER VERDICT")
        if not same:
            sys.exit(1)
