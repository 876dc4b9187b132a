"""`manage.py hub_limits NAME [--public 2TB …]`: show or set what a name may keep."""

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.selectors import namespace_named
from common.quantities import format_bytes
from hub.selectors.storage import limits_of, usage_of
from hub.services import quotas

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_OPTIONS = {
    "public": "public_bytes",
    "private": "private_bytes",
    "repositories": "repositories",
    "file": "file_bytes",
    "repository": "repository_bytes",
}


class Command(BaseCommand):
    help = "Show what a name keeps and may keep; change it with options: 2TB, 500G, 0 for no limit, default."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        for option in _OPTIONS:
            parser.add_argument(f"--{option}")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        namespace = namespace_named(options["name"])
        if namespace is None:
            raise CommandError(f"There is no person or organisation {options['name']}.")
        given = {field: _amount(options[name]) for name, field in _OPTIONS.items() if options[name] is not None}
        if given:
            try:
                quotas.set_limits(namespace, by="manage.py", reason=options["reason"], **given)
            except ValidationError as error:
                raise CommandError("; ".join(error.messages)) from error
        limits, usage = limits_of(namespace.pk), usage_of(namespace.pk)
        self.stdout.write(f"public        {format_bytes(usage.public_bytes)} of {_shown(limits.public_bytes)}")
        self.stdout.write(f"private       {format_bytes(usage.private_bytes)} of {_shown(limits.private_bytes)}")
        self.stdout.write(f"repositories  {usage.repositories} of {limits.repositories or 'any number'}")
        self.stdout.write(f"one file      {_shown(limits.file_bytes)}")
        self.stdout.write(f"one repository {_shown(limits.repository_bytes)}")


def _amount(text: str) -> int | None:
    if text == "default":
        return None
    found = re.fullmatch(r"(\d+)\s*([kmgt]?)b?", text.lower())
    if found is None:
        raise CommandError(f"{text!r} is no amount: write 2TB, 500G, 0 or default.")
    return int(found[1]) * _UNITS[found[2]]


def _shown(limit: int) -> str:
    return format_bytes(limit) if limit else "any size"
