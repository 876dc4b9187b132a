"""PaymentIntents, charges and refunds: what happens to the money of one payment.

intent: requires_payment_method → processing → succeeded, back to requires_payment_method after a
failed attempt, canceled when its session expires. charge: pending → succeeded | failed.
https://docs.stripe.com/payments/paymentintents/lifecycle, https://docs.stripe.com/refunds
"""

from __future__ import annotations

from typing import Any

from . import balance
from .errors import ApiError
from .world import World

BANK_DEBIT = {"eur": "sepa_debit"}  # every other currency: us_bank_account
DECLINES = {
    "generic_decline": ("card_declined", "The card was declined."),
    "insufficient_funds": ("card_declined", "The card has insufficient funds."),
    "debit_returned": ("payment_intent_payment_attempt_failed", "The bank returned the debit."),
}


def open_intent(
    world: World, *, amount: int, currency: str, methods: list[str], details: dict[str, Any]
) -> dict[str, Any]:
    intent_id = world.new_id("pi")
    intent = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{world.new_id('s')[2:]}",
        "confirmation_method": "automatic",
        "created": int(world.now()),
        "currency": currency,
        "customer": None,
        "description": details.get("description"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": details.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_types": methods,
        "processing": None,
        "receipt_email": details.get("receipt_email"),
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": details.get("statement_descriptor"),
        "statement_descriptor_suffix": details.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    world.add(intent)
    world.emit("payment_intent.created", intent)
    return intent


def _open_charge(world: World, intent: dict[str, Any], method: dict[str, Any], email: str | None) -> dict[str, Any]:
    return world.add(
        {
            "id": world.new_id("ch" if method["type"] == "card" else "py"),
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": 0,
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": {
                "address": None,
                "email": email,
                "name": None,
                "phone": None,
                "tax_id": None,
            },
            "calculated_statement_descriptor": None,
            "captured": False,
            "created": int(world.now()),
            "currency": intent["currency"],
            "customer": None,
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "fraud_details": {},
            "livemode": False,
            "metadata": intent["metadata"],
            "on_behalf_of": None,
            "outcome": None,
            "paid": False,
            "payment_intent": intent["id"],
            "payment_method": world.new_id("pm"),
            "payment_method_details": method,
            "radar_options": {},
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": None,
            "refunded": False,
            "review": None,
            "shipping": None,
            "source": None,
            "source_transfer": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": "pending",
            "transfer_data": None,
            "transfer_group": None,
        }
    )


def card(number: str) -> dict[str, Any]:
    """`payment_method_details` of a test card; only the last four digits are kept."""
    return {
        "type": "card",
        "card": {
            "brand": "visa",
            "checks": None,
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": None,
            "funding": "credit",
            "last4": number[-4:],
            "network": "visa",
            "wallet": None,
        },
    }


def bank_debit(currency: str) -> dict[str, Any]:
    """`payment_method_details` of a method whose money arrives days later."""
    kind = BANK_DEBIT.get(currency, "us_bank_account")
    return {"type": kind, kind: {"last4": "6789", "fingerprint": None}}


def attempt(world: World, intent: dict[str, Any], method: dict[str, Any], email: str | None) -> dict[str, Any]:
    """Begin an attempt: a pending charge, which `succeed` or `fail` ends. Returns the charge."""
    charge = _open_charge(world, intent, method, email)
    intent.update(latest_charge=charge["id"], payment_method=charge["payment_method"], last_payment_error=None)
    world.store.save(intent)
    return charge


def wait_for_bank(world: World, intent: dict[str, Any]) -> None:
    intent["status"] = "processing"
    world.store.save(intent)
    world.emit("payment_intent.processing", intent)


def succeed(world: World, intent: dict[str, Any], charge: dict[str, Any]) -> None:
    """The money is there. The charge's balance transaction comes in a later `charge.updated`."""
    charge.update(
        status="succeeded",
        paid=True,
        captured=True,
        amount_captured=charge["amount"],
        outcome={
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
    )
    world.store.save(charge)
    world.emit("charge.succeeded", charge)
    intent.update(status="succeeded", amount_received=intent["amount"])
    world.store.save(intent)
    world.emit("payment_intent.succeeded", intent)
    line = balance.move(
        world,
        kind="charge" if charge["id"].startswith("ch_") else "payment",
        category="charge",
        source=charge["id"],
        amount=charge["amount"],
        currency=charge["currency"],
        fee=balance.charge_fee(charge["amount"]),
        available_after_s=balance.AVAILABLE_AFTER_S,
        description=charge["description"],
    )
    charge["balance_transaction"] = line["id"]
    world.store.save(charge)
    world.emit("charge.updated", charge, {"balance_transaction": None})


def fail(world: World, intent: dict[str, Any], charge: dict[str, Any], reason: str) -> None:
    """The attempt failed for a reason of DECLINES; the intent waits for another one."""
    code, message = DECLINES[reason]
    charge.update(
        status="failed",
        failure_code=code,
        failure_message=message,
        outcome={
            "network_status": "declined_by_network",
            "reason": reason,
            "risk_level": "normal",
            "seller_message": "The bank did not approve this payment.",
            "type": "issuer_declined",
        },
    )
    world.store.save(charge)
    world.emit("charge.failed", charge)
    error = {
        "charge": charge["id"],
        "code": code,
        "message": message,
        "payment_method_type": charge["payment_method_details"]["type"],
        "type": "card_error",
    }
    if code == "card_declined":
        error["decline_code"] = reason
    intent.update(status="requires_payment_method", payment_method=None, last_payment_error=error)
    world.store.save(intent)
    world.emit("payment_intent.payment_failed", intent)


def cancel(world: World, intent: dict[str, Any]) -> None:
    intent.update(status="canceled", canceled_at=int(world.now()), cancellation_reason="automatic")
    world.store.save(intent)
    world.emit("payment_intent.canceled", intent)


def refund(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """POST /v1/refunds: at once, out of the balance; Stripe keeps the fee of the charge."""
    charge = _charge_to_refund(world, params)
    rest = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", rest)
    _check_refund(charge, amount, rest)
    refund = {
        "id": world.new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": int(world.now()),
        "currency": charge["currency"],
        "metadata": params.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    line = balance.move(
        world,
        kind="refund" if charge["id"].startswith("ch_") else "payment_refund",
        category="refund",
        source=refund["id"],
        amount=-amount,
        currency=charge["currency"],
    )
    refund["balance_transaction"] = line["id"]
    world.add(refund)
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    world.store.save(charge)
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge, before)
    return refund


def _charge_to_refund(world: World, params: dict[str, Any]) -> dict[str, Any]:
    if ("charge" in params) == ("payment_intent" in params):
        raise ApiError(
            400,
            "Name either the charge or the payment_intent to refund, not both and not neither.",
            code="parameter_missing",
            param="payment_intent",
        )
    if "charge" in params:
        return world.get("charge", params["charge"], param="charge")
    intent = world.get("payment_intent", params["payment_intent"], param="payment_intent")
    if intent["status"] != "succeeded":
        raise ApiError(
            400,
            f"The PaymentIntent {intent['id']} has no successful charge to refund; its status is {intent['status']}.",
            code="payment_intent_unexpected_state",
            param="payment_intent",
        )
    return world.get("charge", intent["latest_charge"])


def _check_refund(charge: dict[str, Any], amount: int, rest: int) -> None:
    if charge["status"] != "succeeded":
        raise ApiError(400, "Only a succeeded charge can be refunded.", param="charge")
    if charge["disputed"]:
        raise ApiError(
            400,
            f"Charge {charge['id']} is disputed; the dispute decides about its money.",
            code="charge_disputed",
        )
    if rest == 0:
        raise ApiError(
            400,
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
        )
    if amount < 1:
        raise ApiError(
            400,
            "The amount must be at least 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if amount > rest:
        raise ApiError(
            400,
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({rest}).",
            param="amount",
        )
