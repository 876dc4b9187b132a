"""What leaves the gateway: plain facts about checkouts and money, and its errors.

Amounts are integers in the minor unit of their currency (cents for usd), currencies are lower-case
ISO codes, times are seconds since 1970. The sentences of the errors are for logs and operators;
their `code` is what a view translates for people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

API_VERSION = "2026-10-28.endive"


class GatewayError(Exception):
    """Anything that kept Stripe from doing what was asked; the sentence says what to do."""

    retryable = False

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


class GatewayUnavailable(GatewayError):
    """Stripe did not answer, or asked to come back later. Repeat with the same idempotency key."""

    retryable = True


class GatewayRefused(GatewayError):
    """Stripe understood and refused; repeating the same request changes nothing."""


class NotFound(GatewayRefused):
    """Stripe has no object with this id."""


class IdempotencyConflict(GatewayRefused):
    """The idempotency key was used before with other parameters."""


class CardDeclined(GatewayRefused):
    """The card was refused; `decline_code` says why as far as the bank tells."""

    def __init__(self, message: str, *, code: str | None, decline_code: str | None) -> None:
        super().__init__(message, code=code)
        self.decline_code = decline_code


class GatewayMisconfigured(GatewayError):
    """The key is wrong or lacks a permission: an operator has to change the settings."""


class SignatureRefused(GatewayError):
    """A webhook that did not come from Stripe, came too late, or cannot be read. Answer 400."""


@dataclass(frozen=True, slots=True)
class LineItem:
    """One line of a checkout: `amount` is the price of one, in minor units."""

    name: str
    amount: int
    currency: str
    quantity: int = 1
    description: str | None = None


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """`status`: open, complete or expired. `url` is None unless open.

    `payment_status`: paid, unpaid or no_payment_required. `payment_intent` is None before the first
    attempt to pay.
    """

    id: str
    url: str | None
    status: str
    payment_status: str
    amount_total: int
    currency: str
    payment_intent: str | None
    reference: str | None
    customer_email: str | None
    created: int
    expires_at: int
    metadata: dict[str, str]

    @property
    def may_be_fulfilled(self) -> bool:
        """The one rule for handing over what was bought: the money is there, or none was due."""
        return self.status == "complete" and self.payment_status in (
            "paid",
            "no_payment_required",
        )


@dataclass(frozen=True, slots=True)
class Refund:
    """`status`: pending, requires_action, succeeded, failed or canceled."""

    id: str
    status: str
    amount: int
    currency: str
    payment_intent: str | None
    charge: str | None
    reason: str | None
    created: int
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class BalanceEntry:
    """One movement of our Stripe balance: `net = amount - fee`; negative when money leaves."""

    id: str
    type: str
    category: str
    amount: int
    fee: int
    net: int
    currency: str
    status: str
    created: int
    available_on: int
    source: str | None


@dataclass(frozen=True, slots=True)
class Payment:
    """The state of a PaymentIntent and of its latest charge.

    `balance` is None until Stripe has booked the charge: at once for the stand-in, seconds later
    for cards at Stripe (capture is asynchronous), days later for bank debits.
    """

    payment_intent: str
    status: str
    amount: int
    amount_received: int
    currency: str
    charge: str | None
    amount_refunded: int
    disputed: bool
    failure_code: str | None
    failure_message: str | None
    balance: BalanceEntry | None
    metadata: dict[str, str]

    @property
    def fee(self) -> int | None:
        """What Stripe keeps of this payment, in minor units; None when not booked yet."""
        return self.balance.fee if self.balance else None


@dataclass(frozen=True, slots=True)
class Dispute:
    """`status`: needs_response, under_review, won, lost, … `balance` lists what was taken and given."""

    id: str
    status: str
    reason: str
    amount: int
    currency: str
    charge: str
    payment_intent: str | None
    created: int
    balance: tuple[BalanceEntry, ...]


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event: `object` is a snapshot taken when it happened, so fetch the object before acting."""

    id: str
    type: str
    created: int
    api_version: str | None
    object: dict[str, Any]
    previous: dict[str, Any] = field(default_factory=dict)

    @property
    def is_current(self) -> bool:
        """False when another API version shaped the snapshot: then read only its id and type."""
        return self.api_version == API_VERSION
