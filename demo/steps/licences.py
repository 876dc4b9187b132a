"""The company buys a licence and generation credits at the checkout, and uses the credits."""

import base64
import json
from typing import Any

import requests

from common.money import format_money
from demo.forms import fields_of
from demo.people import COMPANY, UnexpectedAnswer, wait_for
from demo.world import MODEL, World

TERMS = """Commercial licence for one model.

The licensor grants the holder named in the certificate a non-exclusive right to use the model and its outputs
commercially, within the number of seats and the term stated in the certificate, in all territories. Credits named on
the model's page are kept where the model or its outputs are published. There is no warranty.
"""
PRICE = 2_000_000_000  # 2,000 dollars, in micros
CURRENCY = "usd"
CREDITS = 50_000_000  # 50 dollars


def buy_licence(world: World) -> tuple[dict[str, Any], str]:
    buyer = world["buyer"]
    offer = world["researcher"].api(
        "POST",
        "/api/licences/offers",
        {
            "repository": MODEL,
            "title": "Commercial use",
            "terms": TERMS,
            "price": PRICE,
            "currency": CURRENCY,
            "days": 365,
            "seats": 10,
            "add_required_text": True,  # what the licences upstream demand, such as naming the data set
        },
    )
    answers = {"annual_revenue": 5_000_000, "seats": 5}
    quote = buyer.api("POST", f"/api/licences/offers/{offer['id']}/quotes", {"holder": COMPANY, "answers": answers})
    acceptance = {"terms_sha256": quote["terms_sha256"], "authority": True}
    buyer.api("POST", f"/api/licences/quotes/{quote['id']}/acceptance", acceptance)
    started = buyer.api("POST", f"/api/licences/quotes/{quote['id']}/checkout", {})
    pay(started["url"])
    order = wait_for(
        "the licence",
        lambda: _paid(buyer.api("GET", f"/api/licences/orders/{started['order']}")),
    )
    certificate = buyer.api("GET", f"/api/licences/certificates/{order['certificate']}")
    holder = verify_offline(world, certificate["token"])
    world["researcher"].get(f"/licences/certificates/{order['certificate']}")
    figures = {
        "price": format_money(quote["total"], CURRENCY),
        "text": quote["terms_sha256"][:12],
        "certificate verifies for": holder,
    }
    return figures, f"/licences/certificates/{order['certificate']}"


def buy_credits(world: World) -> tuple[dict[str, Any], str]:
    buyer = world["buyer"]
    started = buyer.api("POST", "/api/credits/checkout", {"holder": COMPANY, "amount": CREDITS, "currency": CURRENCY})
    pay(started["url"])
    before = wait_for("the credits", lambda: _balance(buyer))
    made = buyer.api(
        "POST",
        "/api/generations",
        {
            "model": MODEL,
            "prompt": "a blue square on a grey background",
            "count": 4,
            "billed_to": COMPANY,
            "currency": CURRENCY,
        },
    )
    wait_for("the company's pictures", lambda: buyer.api("GET", made["url"])["state"] == "succeeded", seconds=120)
    after = _balance(buyer)
    if before - after != made["price"]:
        raise UnexpectedAnswer(f"The pictures cost {made['price']}, but {before - after} was taken.")
    figures = {
        "bought": format_money(before, CURRENCY),
        "spent on 4 pictures": format_money(made["price"], CURRENCY),
        "left": format_money(after, CURRENCY),
    }
    return figures, "/credits"


def pay(checkout: str) -> None:
    """What the buyer's browser does on the hosted page: press Pay, and be led back."""
    browser = requests.Session()
    page = browser.get(checkout, headers={"Accept": "text/html"}, timeout=30)
    fields = fields_of(page.text, "?lang=en")
    if page.status_code != 200 or fields is None:
        raise UnexpectedAnswer(f"The checkout page answered {page.status_code} without a form.")
    fields |= {"action": "pay", "card": "4242424242424242"}
    answer = browser.post(checkout, data=fields, allow_redirects=False, timeout=30)
    if answer.status_code not in {302, 303}:
        raise UnexpectedAnswer(f"Paying answered {answer.status_code}: {answer.text[:300]}")


def verify_offline(world: World, certificate: str) -> str:
    """With nothing but the certificate and the published keys; a changed byte must not pass."""
    import jwt  # noqa: PLC0415 - only this step needs it

    keys = jwt.PyJWKSet.from_dict(requests.get(f"{world.url}/.well-known/jwks.json", timeout=30).json())
    claims = jwt.decode(certificate, keys.keys[0].key, algorithms=["EdDSA"])
    head, body, signature = certificate.split(".")
    forged = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    forged["sub"] = "somebody-else"
    body = base64.urlsafe_b64encode(json.dumps(forged).encode()).rstrip(b"=").decode()
    try:
        jwt.decode(f"{head}.{body}.{signature}", keys.keys[0].key, algorithms=["EdDSA"])
    except jwt.InvalidSignatureError:
        return str(claims["sub"])
    raise UnexpectedAnswer("A forged certificate passed.")


def _paid(order: dict[str, Any]) -> dict[str, Any] | None:
    return order if order["state"] == "paid" and order.get("certificate") else None


def _balance(buyer: Any) -> int:
    return int(buyer.api("GET", f"/api/credits/balance?holder={COMPANY}&currency={CURRENCY}")["balance"])
