"""`manage.py set_organisation NAME --private-by-default yes|no`, for who runs the site."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.models import Organisation
from common.services import audit


class Command(BaseCommand):
    help = "Change the settings of an organisation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name of the organisation")
        parser.add_argument(
            "--private-by-default",
            choices=["yes", "no"],
            required=True,
            help="whether new repositories are private when nobody says",
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        organisation = Organisation.objects.select_for_update().filter(name__iexact=options["name"]).first()
        if organisation is None:
            raise CommandError(f"There is no organisation called {options['name']}.")
        # Whoever may run commands on this machine stands in for the organisation's administrators.
        organisation.is_private_by_default = options["private_by_default"] == "yes"
        organisation.save(update_fields=["is_private_by_default"])
        is_private = organisation.is_private_by_default
        audit.record("organisation.settings", f"org:{organisation.name}", is_private_by_default=is_private)
        self.stdout.write(f"New repositories of {organisation.name} are {'private' if is_private else 'public'}.")
