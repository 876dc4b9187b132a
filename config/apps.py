from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # Whoever runs Django may send tasks: without this they would go to Celery's default broker.
        from config import celery  # noqa: F401, PLC0415 - needs the settings
