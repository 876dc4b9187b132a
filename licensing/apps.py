from django.apps import AppConfig


class LicensingConfig(AppConfig):
    name = "licensing"

    def ready(self) -> None:
        from common import objections, slots  # noqa: PLC0415 - the registry of apps has to stand first
        from licensing import checks  # noqa: F401, PLC0415 - registers the system checks
        from licensing.services import auditors  # noqa: F401, PLC0415 - registers what must hold
        from licensing.services.objections import keep_what_is_licensed  # noqa: PLC0415
        from licensing.views import panels  # noqa: PLC0415

        objections.listen("repository.delete", keep_what_is_licensed)
        objections.listen("repository.hide", keep_what_is_licensed)
        slots.fill("repository.side", panels.licence_panel, order=20)
        slots.fill("repository.notices", panels.conflict_notice)
        slots.fill("credits.hint", panels.inherit_hint)
        slots.fill("namespace.side", panels.credits_panel)
        slots.fill("repository.downloads", panels.licensees)
