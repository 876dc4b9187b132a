"""`manage.py create_user NAME [--org ORG] [--staff] [--token]`, for scripts and first steps."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.enums import Role, TokenScope
from accounts.models import Organisation, User
from accounts.principal import Principal
from accounts.services import organisations, people, tokens
from common.errors import Refusal


class Command(BaseCommand):
    help = "Create a person, if need be with an organisation, and print an access token for scripts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the user name")
        parser.add_argument("--full-name", default="")
        parser.add_argument("--email", default="")
        parser.add_argument("--password", help="a password for the log-in page; without it only tokens work")
        parser.add_argument("--org", help="an organisation to join as administrator; created when new")
        parser.add_argument("--staff", action="store_true", help="an administrator of the whole site")
        parser.add_argument("--token", action="store_true", help="print a new write token, and nothing else")
        parser.add_argument("--exist-ok", action="store_true", help="use the person when they exist already")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = self._person(options)
            if options["org"]:
                self._join(user, options["org"])
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        if options["token"]:
            self.stdout.write(tokens.issue_token(user, name="create_user", scope=TokenScope.WRITE))
        else:
            self.stdout.write(f"Created {user.username}.")

    def _person(self, options: dict[str, Any]) -> User:
        existing = User.objects.filter(username__iexact=options["name"]).first()
        if existing and options["exist_ok"]:
            return existing
        return people.sign_up(
            options["name"],
            password=options["password"],
            email=options["email"],
            full_name=options["full_name"],
            is_staff=options["staff"],
        )

    def _join(self, user: User, name: str) -> None:
        organisation = Organisation.objects.filter(name__iexact=name).first()
        if organisation is None:
            organisations.create_organisation(name, by=Principal(user=user))
        else:
            # Whoever may run commands on this machine stands in for the organisation's administrators.
            organisation.memberships.get_or_create(user=user, defaults={"role": Role.ADMIN})
