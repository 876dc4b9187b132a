"""`manage.py hub_fsck [NAME…] [--deep] [--repair]`: git, index, rows and stores against each other."""

import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from hub.management.commands.hub_reindex import named
from hub.services import checking
from hub.services.checking import Finding


class Command(BaseCommand):
    help = "Tell what does not fit together. Ends with 1 when something is wrong, or was and is repaired."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="ns/name, datasets/ns/name, …; without names: everything")
        parser.add_argument("--deep", action="store_true", help="read every object and compare its sha256")
        parser.add_argument("--repair", action="store_true", help="let index, sums and flags follow what is whole")

    def handle(self, *args: Any, **options: Any) -> None:
        count = repaired = 0
        for finding in self._findings(options):
            self.stdout.write(str(finding))
            count += 1
            repaired += finding.repaired
        self.stdout.write(f"{count} findings, {repaired} of them repaired.")
        if count:
            sys.exit(1)

    def _findings(self, options: dict[str, Any]) -> Iterator[Finding]:
        if not options["names"]:
            yield from checking.check_all(deep=options["deep"], repair=options["repair"])
            return
        for name in options["names"]:
            repository = named(name)
            yield from checking.check_repository(repository, repair=options["repair"])
            for held in repository.objects_held.select_related("object").order_by("pk").iterator():
                yield from checking.check_object(held.object, deep=options["deep"], repair=options["repair"])
