from django.apps import AppConfig


class GrantsConfig(AppConfig):
    name = "grants"

    def ready(self) -> None:
        from common import slots  # noqa: PLC0415 - the registry of apps has to stand first
        from grants import receivers  # noqa: F401, PLC0415 - whoever relays events must know who wants them
        from grants.services import audits  # noqa: F401, PLC0415 - registers the auditors
        from grants.views import panels  # noqa: PLC0415

        slots.fill("home.panels", panels.open_calls, order=10)
        slots.fill("namespace.notices", panels.notices, order=20)
        slots.fill("allocation.source", panels.award_behind)
