"""`manage.py content_credentials [--renew | --new-root]`: what signs pictures, made when it is not there yet."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from common.services import audit
from inference.content import certificates
from inference.services import sealing_keys


class Command(BaseCommand):
    help = "Shows the certificate that signs pictures; makes it when there is none, or anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--renew", action="store_true", help="a new key and certificate under the same authority")
        which.add_argument("--new-root", action="store_true", help="a new authority as well; the old one stays trusted")

    def handle(self, **options: Any) -> None:
        if options["new_root"]:
            signer = sealing_keys.replace_root()
        elif options["renew"]:
            signer = sealing_keys.renew()
        else:
            signer = sealing_keys.signer()
        if options["new_root"] or options["renew"]:
            audit.record("content_credentials.renewed", "site", new_root=options["new_root"])
        self.stdout.write(f"Signs until {certificates.ends(signer.chain):%Y-%m-%d}, by {signer.algorithm}.")
        self.stdout.write(f"Time stamps: {signer.timestamps or 'none'}.")
        self.stdout.write("What checks our pictures trusts these authorities:")
        self.stdout.write(sealing_keys.anchors())
