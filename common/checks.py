"""System checks that tell what a deployment still lacks (`manage.py check --deploy`)."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name


@register(Tags.security, deploy=True)
def data_is_private(**kwargs: Any) -> list[CheckMessage]:
    keys = Path(settings.KEYS_ROOT)
    if keys.exists() and keys.stat().st_mode & 0o077:
        hint = f"Run: chmod 700 {keys}"
        return [Error("The folder with the signing key can be read by others.", hint=hint, id="wellspring.E001")]
    return []


@register(Tags.security, deploy=True)
def payments_are_real(**kwargs: Any) -> list[CheckMessage]:
    if settings.ENVIRONMENT == "production" and not settings.STRIPE_API_KEY:
        hint = "Set STRIPE_API_KEY and STRIPE_WEBHOOK_SECRET, or accept that nothing can be bought."
        return [Warning("No payment provider is configured.", hint=hint, id="wellspring.W001")]
    return []


@register(Tags.security)
def webhooks_stay_outside(**kwargs: Any) -> list[CheckMessage]:
    if settings.ENVIRONMENT == "production" and settings.WEBHOOKS_TO_LOOPBACK:
        hint = "Unset WELLSPRING_WEBHOOKS_TO_LOOPBACK: it lets every account holder reach what listens on this machine."
        return [Error("Webhooks may post to this machine.", hint=hint, id="wellspring.E010")]
    return []


@register(Tags.security)
def imports_stay_outside(**kwargs: Any) -> list[CheckMessage]:
    if settings.ENVIRONMENT == "production" and settings.IMPORTS_FROM_LOOPBACK:
        hint = "Unset WELLSPRING_IMPORTS_FROM_LOOPBACK: it lets every account holder read what listens on this machine."
        return [Error("Imports may read from this machine.", hint=hint, id="wellspring.E011")]
    return []
