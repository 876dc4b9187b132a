from django.apps import AppConfig


class ComputeConfig(AppConfig):
    name = "compute"

    def ready(self) -> None:
        from compute import auditors  # noqa: F401, PLC0415 - registers what `manage.py audit` proves
