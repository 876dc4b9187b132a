"""Inspect files that today's rules have not seen, or all of them again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors import repository_named
from hub.services import scanning


class Command(BaseCommand):
    help = "Inspect files for what loading them would do (docs/reference/safety.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="ada/model or datasets/ada/set; default: all repositories")
        parser.add_argument("--rescan", action="store_true", help="also what was inspected by the same rules before")

    def handle(self, *args: Any, **options: Any) -> None:
        repositories = [_found(name) for name in options["names"]]
        chosen = repositories or Repository.objects.select_related("namespace").order_by("pk").iterator()
        count = scanning.scan_all(chosen, again=options["rescan"])
        gone = scanning.forget_old_rules()
        self.stdout.write(f"{count} files inspected, {gone} verdicts of former rules dropped")


def _found(name: str) -> Repository:
    for kind in RepositoryKind:
        if kind.prefix and name.startswith(kind.prefix):
            found = repository_named(kind, name.removeprefix(kind.prefix))
            break
    else:
        found = repository_named(RepositoryKind.MODEL, name)
    if found is None:
        raise CommandError(f"There is no repository {name}.")
    return found
