"""`manage.py hub_gc [--delete | --undo RUN | --runs]`: what nobody needs any more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.errors import Refusal
from common.quantities import format_bytes
from hub.enums import SweptKind
from hub.git.errors import GitError
from hub.models import Sweep
from hub.services import sweep_undo, sweeping
from hub.storage.errors import StorageError

_SHOWN = 20


class Command(BaseCommand):
    help = "Count what nobody needs. --delete moves it to the trash, --undo brings a run back from there."

    def add_arguments(self, parser: CommandParser) -> None:
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--delete", action="store_true", help="move it to the trash, for good after some days")
        choice.add_argument("--undo", type=int, metavar="RUN", help="put back what this run took")
        choice.add_argument("--runs", action="store_true", help="list the last runs")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["runs"]:
                self._list()
            elif options["undo"] is not None:
                self._undo(options["undo"])
            else:
                self._sweep(delete=options["delete"])
        except (Refusal, GitError, StorageError) as error:
            raise CommandError(str(error)) from error

    def _sweep(self, *, delete: bool) -> None:
        run = sweeping.sweep(delete=delete)
        for kind in SweptKind:
            found = run.counts.get(kind.value, {"count": 0, "bytes": 0})
            self.stdout.write(f"{kind.value:8} {found['count']:8}  {format_bytes(found['bytes'])}")
        if delete:
            purged = sweep_undo.purge()
            self.stdout.write(
                f"Run {run.pk} took {format_bytes(run.bytes)}; undo it by: manage.py hub_gc --undo {run.pk}"
            )
            self.stdout.write(f"{purged} older runs are gone for good.")
        else:
            self.stdout.write(f"{format_bytes(run.bytes)} would go. Nothing was changed; repeat with --delete.")

    def _undo(self, number: int) -> None:
        run, failures = sweep_undo.undo(number)
        for fault in failures:
            self.stderr.write(fault)
        self.stdout.write(f"Run {run.pk} is undone; {len(failures)} things could not come back.")

    def _list(self) -> None:
        for run in Sweep.objects.order_by("-pk")[:_SHOWN]:
            line = f"{run.pk:6}  {run.started_at:%Y-%m-%d %H:%M}  {run.state:8}  {format_bytes(run.bytes)}  {run.error}"
            self.stdout.write(line.rstrip())
