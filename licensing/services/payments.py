"""The way to the payment processor, and its errors as refusals."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from django.conf import settings
from django.utils.translation import gettext as _

from common.errors import Conflict, Unavailable
from licensing.gateway import (
    Gateway,
    GatewayError,
    GatewayMisconfigured,
    GatewayUnavailable,
    IdempotencyConflict,
)

logger = logging.getLogger(__name__)


class PaymentsOff(Unavailable):
    """Nothing can be bought on this site."""

    code = "payments_off"


class PaymentRefused(Conflict):
    """The processor understood and would not do it."""

    code = "payment_refused"


def gateway() -> Gateway:
    """The gateway that the settings describe. Raises PaymentsOff without a key."""
    if not settings.STRIPE_API_KEY:
        raise PaymentsOff(
            _("Nothing can be bought here yet: no payment processor is set up."),
            hint=_("The operator sets STRIPE_API_KEY and STRIPE_WEBHOOK_SECRET, then restarts the site."),
        )
    return _gateway(settings.STRIPE_API_KEY, settings.STRIPE_WEBHOOK_SECRET, settings.STRIPE_API_BASE)


@contextmanager
def refusals() -> Iterator[None]:
    """Errors of the processor as refusals that people can act on; what operators need is logged."""
    try:
        yield
    except GatewayUnavailable as error:
        logger.warning("payment processor unavailable", extra={"said": error})
        raise Unavailable(
            _("The payment processor does not answer."),
            hint=_("Try again in a minute. Nothing is charged twice."),
            code="payments_unavailable",
        ) from error
    except (GatewayMisconfigured, IdempotencyConflict) as error:
        logger.exception("payment processor refused our request")
        raise PaymentsOff(
            _("Payments do not work at the moment."), hint=_("The operator has been told. Try again later.")
        ) from error
    except GatewayError as error:
        logger.warning("payment processor refused", extra={"said": error, "reason": error.code})
        raise PaymentRefused(
            _("The payment processor refused this."),
            hint=_("If it stays so, write to the operator and name the order."),
            reason=error.code,
        ) from error


@lru_cache(maxsize=4)
def _gateway(api_key: str, webhook_secret: str, api_base: str) -> Gateway:
    return Gateway(api_key, webhook_secret, api_base or None)
