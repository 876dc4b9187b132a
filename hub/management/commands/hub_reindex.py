"""`manage.py hub_reindex [NAME…] [--rebuild]`: let the database follow git again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.enums import RepositoryKind
from hub.git.repositories import exists
from hub.models import Repository
from hub.selectors import repository_named
from hub.services import index


class Command(BaseCommand):
    help = "Bring the index of repositories to where git is. Without names: all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", help="ns/name, datasets/ns/name, …")
        parser.add_argument("--rebuild", action="store_true", help="write all rows anew, also where nothing is behind")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = [named(name) for name in options["names"]] or Repository.objects.iterator()
        for repository in chosen:
            if not exists(repository.path):
                self.stderr.write(f"{repository}: there is no git repository on disk; restore it from a backup.")
                continue
            behind = index.follow_all(repository)
            if options["rebuild"]:
                for ref in repository.branches.values_list("ref", flat=True):
                    index.rebuild(repository, ref)
            self.stdout.write(f"{repository}: {', '.join(behind) or 'nothing'} behind")


def named(name: str) -> Repository:
    """The repository that an argument of a command names. Raises CommandError."""
    for kind in RepositoryKind:
        if kind.prefix and name.startswith(kind.prefix):
            found = repository_named(kind, name.removeprefix(kind.prefix))
            break
    else:
        found = repository_named(RepositoryKind.MODEL, name)
    if found is None:
        raise CommandError(f"There is no repository {name}.")
    return found
