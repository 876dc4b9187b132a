"""`manage.py ledger_role NAME`: SQL for a database role that may read and add to the books, no more."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandParser

from revenue.models import Balance


class Command(BaseCommand):
    help = "Print SQL that lets an existing role run the site without power over the past (docs/reference/ledger.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("\n".join(role_sql(options["role"])))


def role_sql(role: str) -> list[str]:
    name = '"' + role.replace('"', '""') + '"'
    books = [model._meta.db_table for model in apps.get_app_config("revenue").get_models()]  # noqa: SLF001 - Django's name
    return [
        f"GRANT USAGE ON SCHEMA public TO {name};",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name};",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name};",
        *(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {name};" for table in [*books, "common_auditentry"]),
        f"REVOKE INSERT ON {Balance._meta.db_table} FROM {name};",  # noqa: SLF001
    ]
