from django.apps import AppConfig


class HubConfig(AppConfig):
    name = "hub"

    def ready(self) -> None:
        from hub import receivers  # noqa: F401, PLC0415 - registers them
