"""`manage.py inference_sweep [--delete]`: files of pictures that no row names."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from common.quantities import format_bytes
from inference.services import sweeping


class Command(BaseCommand):
    help = "Count the files of pictures, given images, previews and copies that nobody needs. --delete deletes them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="delete them for good")

    def handle(self, *args: Any, **options: Any) -> None:
        for name, found in sweeping.sweep(delete=options["delete"]).items():
            self.stdout.write(f"{name:8} {found.number:8}  {format_bytes(found.size)}")
        if not options["delete"]:
            self.stdout.write("Nothing was changed; repeat with --delete.")
