"""The balance: every movement of money is one balance transaction (integer minor units).

Fees as Stripe's standard card price, 2.9 % + 30 minor units, rounded to the nearest unit; a charge
is available two days later. https://docs.stripe.com/reports/balance-transaction-types
"""

from __future__ import annotations

from typing import Any

from .world import World

DAY_S = 86_400
AVAILABLE_AFTER_S = 2 * DAY_S
DISPUTE_FEE = 1_500


def charge_fee(amount: int) -> int:
    """2.9 % rounded half up, plus 30, all in minor units."""
    return (amount * 29 + 500) // 1_000 + 30


def move(
    world: World,
    *,
    kind: str,
    category: str,
    source: str,
    amount: int,
    currency: str,
    fee: int = 0,
    fee_for: str = "Stripe processing fees",
    available_after_s: int = 0,
    description: str | None = None,
) -> dict[str, Any]:
    """Write one balance transaction; `amount` is signed, `net = amount - fee`."""
    created = int(world.now())
    fees = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": fee_for,
            "type": "stripe_fee",
        }
    ]
    return world.add(
        {
            "id": world.new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": created + available_after_s,
            "balance_type": "payments",
            "created": created,
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": fees if fee else [],
            "net": amount - fee,
            "reporting_category": category,
            "source": source,
            "status": "pending",
            "type": kind,
        }
    )


def read(world: World) -> dict[str, Any]:
    """GET /v1/balance: the sums of all nets by currency, available and pending."""
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for line in world.store.all("balance_transaction"):
        status = world.present(line)["status"]
        by_currency = sums[status]
        by_currency[line["currency"]] = by_currency.get(line["currency"], 0) + line["net"]
    currencies = sorted(sums["available"].keys() | sums["pending"].keys()) or ["usd"]
    return {
        "object": "balance",
        "livemode": False,
        **{
            status: [{"amount": by_currency.get(currency, 0), "currency": currency} for currency in currencies]
            for status, by_currency in sums.items()
        },
    }
