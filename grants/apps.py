from django.apps import AppConfig


class GrantsConfig(AppConfig):
    name = "grants"

    def ready(self) -> None:
        from common import sight, slots  # noqa: PLC0415 - the registry of apps has to stand first
        from grants import receivers  # noqa: F401, PLC0415 - whoever relays events must know who wants them
        from grants.selectors.sight import hidden_in_log  # noqa: PLC0415
        from grants.services import audits  # noqa: F401, PLC0415 - registers the auditors
        from grants.views import panels  # noqa: PLC0415

        sight.hide(hidden_in_log)
        slots.fill("home.panels", panels.open_calls, order=10)
        slots.fill("namespace.notices", panels.notices, order=20)
        slots.fill("allocation.source", panels.award_behind)
