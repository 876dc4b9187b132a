"""Disputes: the bank takes the money at once, and gives it back only when we win.

needs_response → won | lost. https://docs.stripe.com/disputes/how-disputes-work
"""

from __future__ import annotations

from typing import Any

from . import balance
from .errors import ApiError
from .world import World

_EVIDENCE_FIELDS = (
    "access_activity_log", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def open_dispute(world: World, payment_intent: str, *, amount: int | None, reason: str) -> dict[str, Any]:
    """A control does what a cardholder's bank does: the rest of the charge, and a fee, are taken."""
    intent = world.get("payment_intent", payment_intent, param="payment_intent")
    charge = world.get("charge", intent["latest_charge"] or "none")
    rest = charge["amount"] - charge["amount_refunded"]
    amount = rest if amount is None else amount
    if charge["status"] != "succeeded" or charge["disputed"] or not 0 < amount <= rest:
        raise ApiError(400, "Only an undisputed, paid and unrefunded amount can be disputed.")
    dispute_id = world.new_id("du")
    taken = balance.move(
        world,
        kind="adjustment",
        category="dispute",
        source=dispute_id,
        amount=-amount,
        currency=charge["currency"],
        fee=balance.DISPUTE_FEE,
        fee_for="Dispute fee",
        description=f"Chargeback withdrawal for {charge['id']}",
    )
    dispute = {
        "id": dispute_id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [taken],
        "charge": charge["id"],
        "created": int(world.now()),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE_FIELDS), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": int(world.now()) + 9 * balance.DAY_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": None,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }
    world.add(dispute)
    charge["disputed"] = True
    world.store.save(charge)
    world.emit("charge.dispute.created", dispute)
    world.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close_dispute(world: World, dispute_id: str, *, won: bool) -> dict[str, Any]:
    """The bank decides. Won: the amount comes back, the fee does not. Lost: all stays as it is."""
    dispute = world.get("dispute", dispute_id)
    if dispute["status"] != "needs_response":
        raise ApiError(400, f"Dispute {dispute_id} is already closed: {dispute['status']}.")
    before = {"status": dispute["status"]}
    dispute["status"] = "won" if won else "lost"
    if won:
        returned = balance.move(
            world,
            kind="adjustment",
            category="dispute_reversal",
            source=dispute_id,
            amount=dispute["amount"],
            currency=dispute["currency"],
            description=f"Chargeback reversal for {dispute['charge']}",
        )
        dispute["balance_transactions"].append(returned)
    world.store.save(dispute)
    world.emit("charge.dispute.closed", dispute, before)
    if won:
        world.emit("charge.dispute.funds_reinstated", dispute)
    return dispute
