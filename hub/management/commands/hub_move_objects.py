"""`manage.py hub_move_objects --to s3`: large files from one store to the other, while the site runs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub import stores
from hub.services import relocation


class Command(BaseCommand):
    help = "Copies all large files to the bucket, or back to files. Verified, may be stopped and started again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", choices=["s3", "files"], required=True)
        parser.add_argument("--remove", action="store_true", help="then take from the old place what the new one has")

    def handle(self, *args: Any, **options: Any) -> None:
        if stores.bucket() is None:
            raise CommandError("No bucket is set. Set WELLSPRING_S3_ENDPOINT; see docs/how-to/objects-on-s3.md.")
        if not relocation.receives_new(options["to"]):
            wanted = f"WELLSPRING_OBJECT_STORE={options['to']}"
            raise CommandError(f"New files still go to the old place. Set {wanted}, restart the site, and try again.")
        seen = copied = size = faults = 0
        for step in relocation.move(options["to"], remove=options["remove"]):
            seen += 1
            copied += bool(step.copied)
            size += step.copied
            if step.fault:
                faults += 1
                self.stderr.write(step.fault)
        self.stdout.write(f"{seen} looked at, {copied} copied, {size} bytes.")
        if faults:
            raise CommandError(f"{faults} damaged ones were left where they are.")
