"""`manage.py hub_import SOURCE TARGET [--as PERSON] …`: bring a repository from another hub, and wait for it."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.principal import Principal
from accounts.selectors import namespace_named
from common.errors import Refusal
from hub.enums import ImportSchedule, ImportState, Visibility
from hub.models import Import
from hub.services import importing, imports


class Command(BaseCommand):
    help = (
        "Import a model or data set, with its history unless a revision is named. "
        "A token for the source is read from WELLSPRING_IMPORT_TOKEN."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="the address of its page, or owner/name, or datasets/owner/name")
        parser.add_argument("target", help="owner/name here")
        parser.add_argument("--as", dest="person", default="", help="who imports it; by default the owner, a person")
        parser.add_argument(
            "--revision", default="", help="a branch, tag or commit, of which only the files are brought"
        )
        parser.add_argument("--private", action="store_true")
        parser.add_argument("--schedule", choices=ImportSchedule.values, default=ImportSchedule.NONE)
        parser.add_argument("--statement", default="", help="why it may be copied, if its licence does not say so")

    def handle(self, *args: Any, **options: Any) -> None:
        owner, _, name = options["target"].partition("/")
        namespace = namespace_named(owner)
        person = User.objects.filter(username__iexact=options["person"] or owner, is_active=True).first()
        if namespace is None or person is None:
            raise CommandError("There is no such owner, or no such person; name the person with --as.")
        try:
            found = imports.create(
                options["source"],
                namespace,
                name,
                by=Principal(user=person),
                revision=options["revision"],
                token=os.environ.get("WELLSPRING_IMPORT_TOKEN", ""),
                visibility=Visibility.PRIVATE if options["private"] else None,
                schedule=options["schedule"],
                statement=options["statement"],
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        importing.run(found.pk)
        found.refresh_from_db()
        told = f"{found.get_state_display()}: {found.source_url} → {found.target_name}"
        self.stdout.write(f"{told} {found.get_reason_display()} {found.detail}".rstrip())
        self._report(found)
        if found.state != ImportState.DONE:
            sys.exit(1)

    def _report(self, found: Import) -> None:
        run = found.runs.filter(turn=found.turn).first()
        for change in run.told_changes if run is not None else []:
            self.stdout.write(f"  {change['name']}: {change['words']}, {(change['after'] or '-')[:10]}")
        for words, detail in run.told_notes if run is not None else []:
            self.stdout.write(f"  {words} {detail}".rstrip())
