from django.apps import AppConfig


class GrantsConfig(AppConfig):
    name = "grants"

    def ready(self) -> None:
        from grants.services import audits  # noqa: F401, PLC0415 - registers the auditors
