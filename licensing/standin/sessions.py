"""Checkout Sessions: created by the shop, completed by a customer on the hosted page.

open → complete | expired. payment_status: unpaid → paid, or no_payment_required for a total of 0.
Fulfil only when it is `paid` or `no_payment_required`: a bank debit completes the session unpaid.
https://docs.stripe.com/checkout/fulfillment
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from . import payments
from .balance import DAY_S
from .errors import ApiError, NotImitated
from .world import World

BANK_TAKES_S = 3 * DAY_S
_SMALLEST, _LARGEST = 50, 99_999_999
_SHORTEST_S, _LONGEST_S = 30 * 60, DAY_S


def create(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """POST /v1/checkout/sessions."""
    now = int(world.now())
    if params.get("mode") != "payment":
        raise NotImitated("Checkout in a mode other than 'payment'")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise NotImitated("Checkout without the hosted page")
    _check_address(params, "success_url", required=True)
    _check_address(params, "cancel_url", required=False)
    items = _line_items(world, params.get("line_items") or [])
    total = sum(item["amount_total"] for item in items)
    currency = items[0]["currency"]
    _check_total(total, params)
    session = {
        "id": world.new_id("cs_test"),
        "object": "checkout.session",
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_creation": "if_required",
        "customer_details": None,
        "customer_email": params.get("customer_email"),
        "discounts": [],
        "expires_at": _expiry(now, params.get("expires_at")),
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": params.get("metadata") or {},
        "mode": "payment",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": _methods(params, currency),
        "payment_status": "unpaid" if total else "no_payment_required",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": None,
        "wallet_options": None,
    }
    return world.add(session, {"line_items": items, "intent": params.get("payment_intent_data", {})})


def _methods(params: dict[str, Any], currency: str) -> list[str]:
    offered = ["card", payments.BANK_DEBIT.get(currency, "us_bank_account")]
    allowed = params.get("allowed_payment_method_types")
    if not allowed:
        return offered
    methods = [method for method in offered if method in allowed]
    if not methods:
        raise NotImitated(f"payment with {', '.join(allowed)}; it offers {', '.join(offered)}")
    return methods


def _check_address(params: dict[str, Any], name: str, *, required: bool) -> None:
    address = params.get(name)
    if address is None and not required:
        return
    if address is None:
        raise ApiError(
            400,
            f"Missing required param: {name}. The hosted page sends the customer back there.",
            code="parameter_missing",
            param=name,
        )
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ApiError(
            400,
            f"Not a valid URL: {name} must begin with http:// or https:// and a host.",
            code="url_invalid",
            param=name,
        )


def _expiry(now: int, wanted: int | None) -> int:
    if wanted is None:
        return now + _LONGEST_S
    if not now + _SHORTEST_S - 60 <= wanted <= now + _LONGEST_S + 60:
        raise ApiError(
            400,
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.",
            param="expires_at",
        )
    return wanted


def _check_total(total: int, params: dict[str, Any]) -> None:
    if 0 < total < _SMALLEST:
        raise ApiError(
            400,
            f"The total must be at least {_SMALLEST} minor units (or 0); it is {total}.",
            code="amount_too_small",
        )
    if total > _LARGEST:
        raise ApiError(
            400,
            f"The total must be at most {_LARGEST} minor units; split the order.",
            code="amount_too_large",
        )
    if len(params.get("client_reference_id") or "") > 200:
        raise ApiError(400, "At most 200 characters.", code="parameter_invalid", param="client_reference_id")


def _line_items(world: World, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not asked:
        raise ApiError(
            400,
            "Missing required param: line_items. Name at least one thing that is sold.",
            code="parameter_missing",
            param="line_items",
        )
    items = [_line_item(world, line, f"line_items[{i}]") for i, line in enumerate(asked)]
    if len({item["currency"] for item in items}) > 1:
        raise ApiError(400, "All line items must be in one currency.", param="line_items")
    return items


def _line_item(world: World, line: dict[str, Any], param: str) -> dict[str, Any]:
    price = line.get("price_data")
    if price is None or "product_data" not in price or "unit_amount" not in price:
        raise ApiError(
            400,
            f"{param} needs price_data with unit_amount and product_data: stored prices are not imitated.",
            code="parameter_missing",
            param=f"{param}[price_data]",
        )
    quantity, unit = line.get("quantity", 1), price["unit_amount"]
    currency = price["currency"].lower()
    if quantity < 1 or unit < 0:
        raise ApiError(400, f"{param}: quantity must be at least 1 and unit_amount not negative.", param=param)
    if len(currency) != 3 or not currency.isalpha():
        raise ApiError(
            400,
            f"Invalid currency: {currency}. Use a three-letter ISO code.",
            param=f"{param}[price_data][currency]",
        )
    product = price["product_data"]
    now = int(world.now())
    return {
        "id": world.new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": unit * quantity,
        "amount_tax": 0,
        "amount_total": unit * quantity,
        "currency": currency,
        "description": product["name"],
        "metadata": line.get("metadata") or {},
        "price": {
            "id": world.new_id("price"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": now,
            "currency": currency,
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": world.new_id("prod"),
            "recurring": None,
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time",
            "unit_amount": unit,
            "unit_amount_decimal": str(unit),
        },
        "quantity": quantity,
    }


def line_items(world: World, session_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = world.store.private(session_id)["line_items"]
    return items


def _require_open(session: dict[str, Any]) -> None:
    if session["status"] != "open":
        raise ApiError(
            400,
            f"This Checkout Session is {session['status']}; only an open one can be changed.",
            code="resource_already_settled",
        )


def _intent(world: World, session: dict[str, Any]) -> dict[str, Any]:
    """The session's PaymentIntent, made with the first attempt as Stripe does."""
    if session["payment_intent"] is None:
        intent = payments.open_intent(
            world,
            amount=session["amount_total"],
            currency=session["currency"],
            methods=session["payment_method_types"],
            details=world.store.private(session["id"])["intent"],
        )
        session["payment_intent"] = intent["id"]
        world.store.save(session)
        return intent
    return world.get("payment_intent", session["payment_intent"])


def _complete(world: World, session: dict[str, Any], payment_status: str) -> None:
    session.update(
        status="complete",
        payment_status=payment_status,
        customer_details={
            "address": None,
            "business_name": None,
            "email": session["customer_email"],
            "individual_name": None,
            "name": None,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    )
    world.store.save(session)
    world.emit("checkout.session.completed", session)


def pay(world: World, session: dict[str, Any], number: str) -> None:
    """A card that works."""
    _require_open(session)
    if session["amount_total"] == 0:
        _complete(world, session, "no_payment_required")
        return
    intent = _intent(world, session)
    charge = payments.attempt(world, intent, payments.card(number), session["customer_email"])
    payments.succeed(world, intent, charge)
    _complete(world, session, "paid")


def decline(world: World, session: dict[str, Any], number: str, reason: str) -> None:
    """A card that is refused; the session stays open for another try."""
    _require_open(session)
    intent = _intent(world, session)
    charge = payments.attempt(world, intent, payments.card(number), session["customer_email"])
    payments.fail(world, intent, charge, reason)


def pay_later(world: World, session: dict[str, Any]) -> None:
    """A bank debit: the session completes unpaid, and the bank answers in three days."""
    _require_open(session)
    intent = _intent(world, session)
    method = payments.bank_debit(session["currency"])
    charge = payments.attempt(world, intent, method, session["customer_email"])
    world.emit("charge.pending", charge)
    payments.wait_for_bank(world, intent)
    _complete(world, session, "unpaid")
    private = world.store.private(session["id"])
    world.store.save_private(session["id"], {**private, "bank_answers_at": int(world.now()) + BANK_TAKES_S})


def settle(world: World, session: dict[str, Any], *, arrived: bool) -> None:
    """The bank answers for a debit that was waiting."""
    intent = world.get("payment_intent", session["payment_intent"] or "none")
    if intent["status"] != "processing":
        raise ApiError(400, "This payment is not waiting for a bank.")
    charge = world.get("charge", intent["latest_charge"])
    private = world.store.private(session["id"])
    private.pop("bank_answers_at", None)
    world.store.save_private(session["id"], private)
    if arrived:
        payments.succeed(world, intent, charge)
        session["payment_status"] = "paid"
        world.store.save(session)
        world.emit("checkout.session.async_payment_succeeded", session)
    else:
        payments.fail(world, intent, charge, "debit_returned")
        world.emit("checkout.session.async_payment_failed", session)


def expire(world: World, session: dict[str, Any]) -> dict[str, Any]:
    """POST /v1/checkout/sessions/{id}/expire, and what the clock does after `expires_at`."""
    _require_open(session)
    session["status"] = "expired"
    world.store.save(session)
    if session["payment_intent"] is not None:
        payments.cancel(world, world.get("payment_intent", session["payment_intent"]))
    world.emit("checkout.session.expired", session)
    return session


def anything_due(world: World) -> bool:
    return bool(_due_to_expire(world) or _due_to_settle(world))


def tick(world: World) -> None:
    """Do what the clock has made due: expire open sessions, let banks answer."""
    for session_id in _due_to_expire(world):
        expire(world, world.get("checkout.session", session_id))
    for session_id in _due_to_settle(world):
        settle(world, world.get("checkout.session", session_id), arrived=True)


def _due_to_expire(world: World) -> list[str]:
    rows = world.store.run(
        "SELECT id FROM objects WHERE kind = 'checkout.session' "
        "AND json_extract(body, '$.status') = 'open' AND json_extract(body, '$.expires_at') <= ?",
        (int(world.now()),),
    )
    return [row["id"] for row in rows]


def _due_to_settle(world: World) -> list[str]:
    rows = world.store.run(
        "SELECT id FROM objects WHERE kind = 'checkout.session' AND json_extract(private, '$.bank_answers_at') <= ?",
        (int(world.now()),),
    )
    return [row["id"] for row in rows]
