"""The door to Stripe: the only module of the product that imports `stripe` and calls it.

Only what `gateway_types` describes leaves this module, never an object of `stripe`; it is re-exported
here. Nothing here knows Django.

The same class speaks to Stripe and, with `api_base`, to the stand-in (`licensing/standin`).
https://docs.stripe.com/api, API version 2026-10-28.endive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast

import stripe

from .gateway_types import (
    API_VERSION,
    BalanceEntry,
    CardDeclined,
    CheckoutSession,
    Dispute,
    GatewayError,
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    IdempotencyConflict,
    LineItem,
    NotFound,
    Payment,
    Refund,
    SignatureRefused,
    WebhookEvent,
)

if TYPE_CHECKING:
    from stripe.params._refund_create_params import RefundCreateParams
    from stripe.params.checkout._session_create_params import SessionCreateParams, SessionCreateParamsLineItem

__all__ = [
    "API_VERSION",
    "BalanceEntry",
    "CardDeclined",
    "CheckoutSession",
    "Dispute",
    "Gateway",
    "GatewayError",
    "GatewayMisconfigured",
    "GatewayRefused",
    "GatewayUnavailable",
    "IdempotencyConflict",
    "LineItem",
    "NotFound",
    "Payment",
    "Refund",
    "SignatureRefused",
    "WebhookEvent",
]

SIGNATURE_TOLERANCE_S = 300

# Stripe gets our requests and nothing about the machine they come from.
stripe.enable_telemetry = False


class Gateway:
    """Calls Stripe with time limits and a bounded number of retries.

    A retry repeats the same idempotency key, so it never does a thing twice. Every method may raise
    GatewayUnavailable and GatewayMisconfigured; other errors are named where they are specific.
    """

    def __init__(
        self,
        api_key: str,
        webhook_secret: str,
        api_base: str | None = None,
        *,
        connect_timeout_s: float = 5,
        read_timeout_s: float = 30,
        retries: int = 2,
    ) -> None:
        """Raises GatewayMisconfigured for a live key with an `api_base`, or another API version."""
        if stripe.api_version != API_VERSION:
            raise GatewayMisconfigured(
                f"The stripe package speaks {stripe.api_version}; this code was checked with "
                f"{API_VERSION}. Install the pinned version of stripe."
            )
        if api_base is not None and not api_key.startswith(("sk_test_", "rk_test_")):
            raise GatewayMisconfigured(
                "A live key must never go to another address than Stripe's: remove the API address, or use a test key."
            )
        self._webhook_secret = webhook_secret
        self._client = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=(connect_timeout_s, read_timeout_s)),
        )

    # checkout

    def create_checkout(
        self,
        reference: str,
        *,
        customer_email: str | None,
        items: Sequence[LineItem],
        success_url: str,
        cancel_url: str,
        idempotency_key: str,
        metadata: Mapping[str, str] | None = None,
        locale: str = "auto",
        expires_at: int | None = None,
        cards_only: bool = False,
    ) -> CheckoutSession:
        """Open a hosted checkout; send the buyer to its `url`.

        `{CHECKOUT_SESSION_ID}` in `success_url` is replaced by Stripe. The reference and metadata
        are also put on the payment, so that refunds and disputes can be traced to the order.
        Raises GatewayRefused for amounts or addresses that Stripe does not take.
        """
        carried = {**(metadata or {}), "reference": reference}
        params: SessionCreateParams = {
            "mode": "payment",
            "client_reference_id": reference,
            "line_items": [_line(item) for item in items],
            "success_url": success_url,
            "cancel_url": cancel_url,
            "metadata": carried,
            "payment_intent_data": {"metadata": carried},
            "locale": locale,
        }
        if customer_email:
            params["customer_email"] = customer_email
        if expires_at is not None:
            params["expires_at"] = expires_at
        if cards_only:
            params["allowed_payment_method_types"] = ["card"]
        with _errors():
            return _checkout(self._client.v1.checkout.sessions.create(params, {"idempotency_key": idempotency_key}))

    def retrieve_checkout(self, session_id: str) -> CheckoutSession:
        """The session as it is now. Raises NotFound."""
        with _errors():
            return _checkout(self._client.v1.checkout.sessions.retrieve(session_id))

    def checkout_of(self, payment_intent: str) -> CheckoutSession | None:
        """The session that made this payment, for events that name only the payment."""
        with _errors():
            found = self._client.v1.checkout.sessions.list({"payment_intent": payment_intent, "limit": 1})
            return _checkout(found.data[0]) if found.data else None

    def expire_checkout(self, session_id: str) -> CheckoutSession:
        """Close an open session so that nobody can pay it any more.

        Raises GatewayRefused when it is complete or expired already: retrieve it to see which.
        """
        with _errors():
            return _checkout(self._client.v1.checkout.sessions.expire(session_id))

    # money

    def payment(self, payment_intent: str) -> Payment:
        """The payment with its charge, fee and balance entry. Raises NotFound."""
        with _errors():
            return _payment(
                self._client.v1.payment_intents.retrieve(
                    payment_intent, {"expand": ["latest_charge.balance_transaction"]}
                )
            )

    def refund(
        self,
        payment_intent: str,
        *,
        idempotency_key: str,
        amount: int | None = None,
        reason: Literal["duplicate", "fraudulent", "requested_by_customer"] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Refund:
        """Give back `amount` minor units, or all that is left when None.

        Raises GatewayRefused when more is asked than is left (`param` amount), when all is refunded
        (`code` charge_already_refunded) or while the charge is disputed (`code` charge_disputed).
        """
        params: RefundCreateParams = {
            "payment_intent": payment_intent,
            "metadata": dict(metadata or {}),
        }
        if amount is not None:
            params["amount"] = amount
        if reason is not None:
            params["reason"] = reason
        with _errors():
            return _refund(self._client.v1.refunds.create(params, {"idempotency_key": idempotency_key}))

    def list_refunds(self, payment_intent: str) -> list[Refund]:
        """All refunds of a payment, newest first."""
        with _errors():
            found = self._client.v1.refunds.list({"payment_intent": payment_intent, "limit": 100})
            return [_refund(refund) for refund in found.auto_paging_iter()]

    def retrieve_dispute(self, dispute_id: str) -> Dispute:
        """Raises NotFound."""
        with _errors():
            return _dispute(self._client.v1.disputes.retrieve(dispute_id))

    def list_disputes(self, *, since: int) -> Iterator[Dispute]:
        """Disputes opened at or after `since`, newest first."""
        with _errors():
            found = self._client.v1.disputes.list({"created": {"gte": since}, "limit": 100})
            for dispute in found.auto_paging_iter():
                yield _dispute(dispute)

    def list_balance_transactions(self, *, since: int, until: int | None = None) -> Iterator[BalanceEntry]:
        """Every movement of the balance in since <= created < until, newest first."""
        with _errors():
            found = self._client.v1.balance_transactions.list({"created": _span(since, until), "limit": 100})
            for entry in found.auto_paging_iter():
                yield _entry(entry)

    # events

    def retrieve_event(self, event_id: str) -> WebhookEvent:
        """Raises NotFound; Stripe keeps events for 30 days."""
        with _errors():
            return _event(self._client.v1.events.retrieve(event_id))

    def list_events(self, *, since: int, until: int | None = None, types: Sequence[str] = ()) -> Iterator[WebhookEvent]:
        """Events in since <= created < until, newest first: to find what no webhook brought."""
        with _errors():
            params: dict[str, Any] = {"created": _span(since, until), "limit": 100}
            if types:
                params["types"] = list(types)
            found = self._client.v1.events.list(cast("Any", params))
            for event in found.auto_paging_iter():
                yield _event(event)

    def parse_webhook(self, payload: bytes, signature: str | None) -> WebhookEvent:
        """The event in a webhook's raw body, after its `Stripe-Signature` header was verified.

        Raises SignatureRefused for a wrong, missing or old signature (more than 300 seconds) and for
        a body that is no event.
        """
        try:
            event = self._client.construct_event(payload, signature, self._webhook_secret, SIGNATURE_TOLERANCE_S)
            return _event(event)
        except stripe.SignatureVerificationError as error:
            raise SignatureRefused(
                f"The webhook's signature was refused: {error.user_message or error}. Check that "
                "the webhook secret is the one of this address, and that the clock is right.",
                code="signature",
            ) from error
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise SignatureRefused(
                "The webhook's body is not an event that this code can read. Send it again.",
                code="unreadable",
            ) from error


def _line(item: LineItem) -> SessionCreateParamsLineItem:
    product: dict[str, str] = {"name": item.name}
    if item.description:
        product["description"] = item.description
    return {
        "quantity": item.quantity,
        "price_data": {
            "currency": item.currency,
            "unit_amount": item.amount,
            "product_data": cast("Any", product),
        },
    }


def _span(since: int, until: int | None) -> Any:
    return {"gte": since} if until is None else {"gte": since, "lt": until}


def _id(value: Any) -> str | None:
    """The id of what may be an id, an expanded object or nothing."""
    return value if value is None or isinstance(value, str) else cast("str", value.id)


def _words(metadata: Any) -> dict[str, str]:
    return dict(metadata.to_dict()) if metadata is not None else {}


def _checkout(session: stripe.checkout.Session) -> CheckoutSession:
    return CheckoutSession(
        id=session.id,
        url=session.url,
        status=session.status or "open",
        payment_status=session.payment_status,
        amount_total=session.amount_total or 0,
        currency=session.currency or "",
        payment_intent=_id(session.payment_intent),
        reference=session.client_reference_id,
        customer_email=session.customer_email,
        created=session.created,
        expires_at=session.expires_at,
        metadata=_words(session.metadata),
    )


def _refund(refund: stripe.Refund) -> Refund:
    return Refund(
        id=refund.id,
        status=refund.status or "pending",
        amount=refund.amount,
        currency=refund.currency,
        payment_intent=_id(refund.payment_intent),
        charge=_id(refund.charge),
        reason=refund.reason,
        created=refund.created,
        metadata=_words(refund.metadata),
    )


def _entry(entry: stripe.BalanceTransaction) -> BalanceEntry:
    return BalanceEntry(
        id=entry.id,
        type=entry.type,
        category=entry.reporting_category,
        amount=entry.amount,
        fee=entry.fee,
        net=entry.net,
        currency=entry.currency,
        status=entry.status,
        created=entry.created,
        available_on=entry.available_on,
        source=_id(entry.source),
    )


def _payment(intent: stripe.PaymentIntent) -> Payment:
    charge = intent.latest_charge if isinstance(intent.latest_charge, stripe.Charge) else None
    booked = charge.balance_transaction if charge else None
    return Payment(
        payment_intent=intent.id,
        status=intent.status,
        amount=intent.amount,
        amount_received=intent.amount_received,
        currency=intent.currency,
        charge=charge.id if charge else None,
        amount_refunded=charge.amount_refunded if charge else 0,
        disputed=charge.disputed if charge else False,
        failure_code=charge.failure_code if charge else None,
        failure_message=charge.failure_message if charge else None,
        balance=_entry(booked) if isinstance(booked, stripe.BalanceTransaction) else None,
        metadata=_words(intent.metadata),
    )


def _dispute(dispute: stripe.Dispute) -> Dispute:
    charge = _id(dispute.charge)
    assert charge is not None
    return Dispute(
        id=dispute.id,
        status=dispute.status,
        reason=dispute.reason,
        amount=dispute.amount,
        currency=dispute.currency,
        charge=charge,
        payment_intent=_id(dispute.payment_intent),
        created=dispute.created,
        balance=tuple(_entry(entry) for entry in dispute.balance_transactions),
    )


def _event(event: stripe.Event) -> WebhookEvent:
    previous = getattr(event.data, "previous_attributes", None)
    return WebhookEvent(
        id=event.id,
        type=event.type,
        created=event.created,
        api_version=event.api_version,
        object=event.data.object.to_dict(for_json=True),
        previous=previous.to_dict(for_json=True) if previous is not None else {},
    )


@contextmanager
def _errors() -> Iterator[None]:
    """Stripe's errors as ours, each with a sentence that says what to do."""
    try:
        yield
    except stripe.CardError as error:
        raise CardDeclined(
            f"The card was declined: {error.user_message} Ask the buyer for another card.",
            code=error.code,
            decline_code=getattr(error.error, "decline_code", None),
        ) from error
    except stripe.IdempotencyError as error:
        if error.http_status == 409:
            raise _unavailable(error, "The same request is still running") from error
        raise IdempotencyConflict(
            f"Stripe saw this idempotency key with other parameters: {error.user_message} Repeat "
            "the first request unchanged, or use a new key for a new intent.",
            code="idempotency_error",
        ) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise GatewayMisconfigured(
            f"Stripe does not accept our key: {error.user_message} Check the Stripe settings."
        ) from error
    except stripe.InvalidRequestError as error:
        kind = NotFound if error.code == "resource_missing" else GatewayRefused
        raise kind(f"Stripe refused: {error.user_message}", code=error.code, param=error.param) from error
    except stripe.RateLimitError as error:
        raise _unavailable(error, "Stripe asks us to slow down") from error
    except stripe.APIConnectionError as error:
        raise _unavailable(error, "Stripe did not answer") from error
    except stripe.StripeError as error:
        if (error.http_status or 500) == 501:
            raise GatewayRefused(f"Stripe refused: {error.user_message}", code=error.code) from error
        raise _unavailable(error, "Stripe could not serve the request") from error


def _unavailable(error: stripe.StripeError, what: str) -> GatewayUnavailable:
    said = " ".join((error.user_message or str(error)).split())
    return GatewayUnavailable(f"{what}: {said} Try again later with the same idempotency key.", code=error.code)
