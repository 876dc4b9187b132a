from django.apps import AppConfig


class RevenueConfig(AppConfig):
    name = "revenue"

    def ready(self) -> None:
        from revenue.services import auditors  # noqa: F401, PLC0415 - registers what must hold
