"""`manage.py seal_blocks`: what the timetable does every night."""

from typing import Any

from django.core.management.base import BaseCommand

from revenue.services import blocks


class Command(BaseCommand):
    help = "Seal all journals since the last block; print the new blocks."

    def handle(self, *args: Any, **options: Any) -> None:
        for block in blocks.seal():
            self.stdout.write(f"block {block.sequence}: {block.journals} journals, {block.sha256}")
