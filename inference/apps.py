from django.apps import AppConfig


class InferenceConfig(AppConfig):
    name = "inference"

    def ready(self) -> None:
        from common import slots  # noqa: PLC0415 - after all apps are loaded
        from hub.selectors import reportables  # noqa: PLC0415
        from inference import auditors, checks  # noqa: F401, PLC0415 - registers auditors and checks
        from inference.selectors.pictures import picture_at  # noqa: PLC0415
        from inference.views import panels  # noqa: PLC0415

        slots.fill("repository.side", panels.try_it, order=20)
        slots.fill("tokens.use", panels.token_use)
        reportables.offer(picture_at)
