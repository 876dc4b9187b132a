"""`manage.py audit`: exit 0 when money and GPU-seconds balance to the unit, 1 otherwise."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from common.services.auditing import run_all


class Command(BaseCommand):
    help = "Check every invariant that rooms have registered; list each violation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="machine-readable output")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = list(run_all())
        broken = [finding for finding in findings if finding.violations]
        if options["json"]:
            self.stdout.write(json.dumps({finding.name: finding.violations for finding in findings}, indent=2))
        else:
            for finding in findings:
                self.stdout.write(f"{'BROKEN' if finding.violations else 'ok':8}{finding.name}")
                for violation in finding.violations:
                    self.stdout.write(f"        {violation}")
            self.stdout.write(f"{len(findings) - len(broken)} of {len(findings)} invariants hold.")
        if broken:
            sys.exit(1)
