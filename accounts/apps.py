from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts.views import panels  # noqa: PLC0415 - the registry of apps has to stand first
        from common import slots  # noqa: PLC0415

        slots.fill("namespace.notices", panels.invitations, order=10)
