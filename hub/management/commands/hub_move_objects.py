"""`manage.py hub_move_objects --to s3`: large files from one store to the other, while the site runs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from hub import stores
from hub.services import relocation


class Command(BaseCommand):
    help = "Copies all large files to the bucket, or back to files. Verified, may be stopped and started again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", choices=["s3", "files"], required=True)
        parser.add_argument("--remove", action="store_true", help="then take from the old place what the new one has")

    def handle(self, *args: Any, **options: Any) -> None:
        if stores.bucket() is None:
            raise CommandError(_("No bucket is set. Set WELLSPRING_S3_ENDPOINT; see docs/how-to/objects-on-s3.md."))
        if not relocation.receives_new(options["to"]):
            message = _(
                "New files still go to the old place. Set WELLSPRING_OBJECT_STORE=%(to)s, restart, and try again."
            )
            raise CommandError(message % {"to": options["to"]})
        looked_at = copied = size = 0
        faults = []
        for step in relocation.move(options["to"], remove=options["remove"]):
            looked_at += 1
            copied += bool(step.copied)
            size += step.copied
            if step.fault:
                faults.append(step.fault)
                self.stderr.write(step.fault)
            if step.copied and options["verbosity"] > 1:
                self.stdout.write(f"{step.kind} {step.name} {step.copied}")
        told = _("%(seen)d looked at, %(copied)d copied, %(bytes)d bytes.")
        self.stdout.write(told % {"seen": looked_at, "copied": copied, "bytes": size})
        if faults:
            raise CommandError(_("%(count)d damaged ones were left where they are.") % {"count": len(faults)})
