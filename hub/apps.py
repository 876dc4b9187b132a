from django.apps import AppConfig


class HubConfig(AppConfig):
    name = "hub"

    def ready(self) -> None:
        from common import slots  # noqa: PLC0415 - the registry of apps has to stand first
        from hub import checks, receivers  # noqa: F401, PLC0415 - registers them
        from hub.views import panels  # noqa: PLC0415

        slots.fill("home.panels", panels.newest, order=20)
        slots.fill("namespace.side", panels.collections, order=15)
        slots.fill("namespace.side", panels.buckets, order=20)
        slots.fill("namespace.side", panels.storage, order=30)
