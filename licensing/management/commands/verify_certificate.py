"""`manage.py verify_certificate FILE`: check a certificate against this site's keys and records."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from common import signing
from common.errors import Refusal
from licensing.services import certificates


class Command(BaseCommand):
    help = "Check the signature of a certificate and whether it still holds; exit 0 only if it does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the .jws file, or - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        text = sys.stdin.read() if options["file"] == "-" else Path(options["file"]).read_text()
        try:
            certificate = certificates.read(text)
        except Refusal as refusal:
            self.stderr.write(str(refusal))
            sys.exit(1)
        status = certificates.status_of(certificate)
        self.stdout.write(json.dumps(signing.verify(certificate.jws, ignore_times=True), indent=2))
        self.stdout.write(status.upper())
        if status != "valid":
            sys.exit(1)
