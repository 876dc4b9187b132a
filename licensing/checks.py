"""System checks of payments (`manage.py check`). What only production needs is checked there."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security)
def payments_are_configured(**kwargs: Any) -> list[CheckMessage]:
    """A key needs its webhook secret; production takes real money, and never by the stand-in."""
    found: list[CheckMessage] = []
    if settings.STRIPE_API_KEY and not settings.STRIPE_WEBHOOK_SECRET:
        hint = "Set STRIPE_WEBHOOK_SECRET to the secret of the endpoint /webhooks/stripe."
        found.append(Error("Webhooks cannot be verified without their secret.", hint=hint, id="licensing.E001"))
    if settings.ENVIRONMENT == "production" and settings.STRIPE_API_BASE:
        hint = "Unset STRIPE_API_BASE: in production payments go to Stripe itself."
        found.append(Error("The payment stand-in is configured in production.", hint=hint, id="licensing.E002"))
    if settings.ENVIRONMENT == "production" and settings.STRIPE_API_KEY.startswith(("sk_test_", "rk_test_")):
        hint = "Set STRIPE_API_KEY to a live key, or unset it."
        found.append(Error("A test key sells for no money.", hint=hint, id="licensing.E003"))
    return found
