from django.apps import AppConfig


class InferenceConfig(AppConfig):
    name = "inference"

    def ready(self) -> None:
        from common import slots  # noqa: PLC0415 - after all apps are loaded
        from inference import auditors, panels  # noqa: F401, PLC0415 - registers the auditors

        slots.fill("repository.side", panels.try_it, order=20)
        slots.fill("tokens.use", panels.token_use)
