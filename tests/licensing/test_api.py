"""The JSON twins: buying by program, and who may do what."""

import json

import pytest

from accounts.enums import Role, TokenScope
from accounts.principal import Principal
from licensing.models import Offer, Order, Quote, StripeEvent
from tests.factories import licensing as make
from tests.factories.accounts import bearer, join

pytestmark = pytest.mark.django_db
EUR = make.EUR


class Caller:
    """A program with somebody's token; without a person, anonymous."""

    def __init__(self, client, user=None, *, scope=TokenScope.WRITE):
        self.client = client
        self.headers = bearer(user, scope=scope) if user else {}

    def get(self, path, **query):
        answer = self.client.get(path, query, **self.headers)
        return answer.status_code, answer.json()

    def post(self, path, **body):
        answer = self.client.post(path, json.dumps(body), content_type="application/json", **self.headers)
        return answer.status_code, answer.json()


@pytest.fixture
def people(client):
    """Everybody who may knock at a door: nobody, a stranger, a member, an administrator, the seller, staff."""
    admin = make.company()
    member = make.person("colleague")
    join(make.namespace_of("acme").organisation, member, role=Role.WRITE, by=admin)
    users = {
        "stranger": make.person("stranger"),
        "member": member,
        "buyer": admin.user,
        "seller": make.person("researcher"),
        "staff": make.person("operator", is_staff=True),
    }
    callers = {name: Caller(client, user) for name, user in users.items()}
    return callers | {"anonymous": Caller(client), "reader": Caller(client, admin.user, scope=TokenScope.READ)}


OFFER = {
    "repository": "researcher/shapes",
    "title": "Commercial use",
    "terms": make.TERMS,
    "price": 100 * EUR,
    "currency": "eur",
    "days": 365,
    "seats": 10,
}
ANSWERS = {"annual_revenue": 5_000_000, "seats": 5}


def statuses(people, call):
    return {name: call(caller)[0] for name, caller in people.items()}


def test_a_program_buys_a_licence(shop, people):
    make.product()
    status, offer = people["seller"].post("/api/licences/offers", **OFFER)
    assert (status, offer["state"], offer["upstream"]["outcome"]) == (201, "open", "ok")
    assert (
        people["anonymous"].get("/api/licences/offers", repository="researcher/shapes")[1]["offers"][0]["id"]
        == offer["id"]
    )
    buyer = people["buyer"]
    status, quote = buyer.post(f"/api/licences/offers/{offer['id']}/quotes", holder="acme", answers=ANSWERS)
    assert (status, quote["total"], quote["terms_sha256"]) == (201, 100 * EUR, offer["terms_sha256"])
    accept = {"terms_sha256": quote["terms_sha256"], "authority": True}
    assert buyer.post(f"/api/licences/quotes/{quote['id']}/acceptance", **accept)[0] == 201
    status, started = buyer.post(f"/api/licences/quotes/{quote['id']}/checkout")
    assert (status, set(started)) == (201, {"order", "url"})
    assert buyer.get(f"/api/licences/orders/{started['order']}")[1]["state"] == "awaiting_payment"
    shop.standin.press(started["url"], "pay")
    shop.deliver_all()
    order = buyer.get(f"/api/licences/orders/{started['order']}")[1]
    assert (order["state"], order["total"]) == ("paid", 100 * EUR)
    certificate = buyer.get(f"/api/licences/certificates/{order['certificate']}")[1]
    assert (certificate["status"], certificate["holder"], certificate["token"].count(".")) == ("valid", "acme", 2)
    assert people["anonymous"].get(f"/api/licences/certificates/{order['certificate']}")[1]["holder"] is None


def test_a_program_buys_credits(shop, people):
    buyer = people["buyer"]
    status, started = buyer.post("/api/credits/checkout", holder="acme", amount=50 * EUR, currency="eur")
    assert status == 201
    shop.standin.press(started["url"], "pay")
    shop.deliver_all()
    answer = buyer.get("/api/credits/balance", holder="acme", currency="eur")[1]
    assert answer["balance"] == 50 * EUR
    pack = next(one for one in buyer.get("/api/credits/packs")[1]["packs"] if one["currency"] == "usd")
    assert buyer.post("/api/credits/checkout", holder="acme", pack=pack["id"])[0] == 201
    assert Order.objects.filter(currency="usd", gross=pack["amount"]).count() == 1


def test_who_may_offer(people):
    make.product()
    people["seller"].post("/api/licences/offers", **OFFER)
    answers = statuses(people, lambda caller: caller.post("/api/licences/offers", **OFFER))
    assert answers == {
        "anonymous": 401, "stranger": 403, "member": 403, "buyer": 403, "reader": 403, "staff": 403, "seller": 201,
    }  # fmt: skip


def test_who_may_withdraw(people):
    path = f"/api/licences/offers/{make.offer().pk}/withdraw"
    order = ["anonymous", "stranger", "member", "buyer", "reader", "seller", "staff"]
    found = {name: people[name].post(path)[0] for name in order}
    assert found == {
        "anonymous": 401, "stranger": 403, "member": 403, "buyer": 403, "reader": 403, "seller": 200, "staff": 409,
    }  # fmt: skip


def test_who_sees_a_draft(people):
    base = make.product(make.person("maker"), "base", licence="")
    offer = make.offer(make.product(parents=[(base, "finetune")]))
    found = statuses(people, lambda caller: caller.get(f"/api/licences/offers/{offer.pk}"))
    assert found == {
        "anonymous": 404, "stranger": 404, "member": 404, "buyer": 404, "reader": 404, "seller": 200, "staff": 200,
    }  # fmt: skip
    path = f"/api/licences/offers/{offer.pk}/decision"
    assert people["seller"].post(path, allow=True, note="x")[0] == 403
    assert people["staff"].post(path, allow=True, note="letter")[1]["state"] == "open"


def test_who_may_buy(shop, people):
    offer = make.offer()
    body = {"holder": "acme", "answers": ANSWERS}
    found = statuses(people, lambda caller: caller.post(f"/api/licences/offers/{offer.pk}/quotes", **body))
    assert found == {
        "anonymous": 401, "stranger": 403, "member": 403, "reader": 403, "seller": 403, "staff": 403, "buyer": 201,
    }  # fmt: skip
    quote = Quote.objects.get()
    path = f"/api/licences/quotes/{quote.pk}"
    hidden = {"anonymous": 401, "stranger": 404, "member": 404, "seller": 404}
    assert statuses(people, lambda caller: caller.get(path)) == hidden | {"reader": 200, "staff": 200, "buyer": 200}
    accept = {"terms_sha256": quote.terms_sha256, "authority": True}
    wanted = hidden | {"reader": 403, "staff": 403, "buyer": 201}
    assert statuses(people, lambda caller: caller.post(f"{path}/acceptance", **accept)) == wanted
    assert statuses(people, lambda caller: caller.post(f"{path}/checkout")) == wanted
    assert Order.objects.count() == 1


def test_who_sees_and_refunds_an_order(shop, people):
    order = shop.paid(by=Principal(user=make.person("buyer")))
    path = f"/api/licences/orders/{order.pk}"
    assert statuses(people, lambda caller: caller.get(path)) == {
        "anonymous": 401, "stranger": 404, "member": 404, "reader": 200, "seller": 200, "staff": 200, "buyer": 200,
    }  # fmt: skip
    for name in ("stranger", "member", "buyer", "reader"):
        assert people[name].post(f"{path}/refund", reason="x")[0] in {403, 404}
    assert people["seller"].post(f"{path}/refund", reason="x")[1]["state"] == "refunded"
    assert people["staff"].post(f"{path}/refund", reason="x")[0] == 409
    assert people["buyer"].post(f"{path}/cancel")[1]["state"] == "refunded"


def test_who_sees_and_buys_credits(shop, people):
    seen = statuses(people, lambda caller: caller.get("/api/credits/balance", holder="acme"))
    assert seen == {
        "anonymous": 401, "stranger": 403, "seller": 403, "member": 200, "reader": 200, "staff": 200, "buyer": 200,
    }  # fmt: skip
    body = {"holder": "acme", "amount": EUR}
    bought = statuses(people, lambda caller: caller.post("/api/credits/checkout", **body))
    assert bought == {
        "anonymous": 401, "stranger": 403, "seller": 403, "member": 403, "reader": 403, "staff": 403, "buyer": 201,
    }  # fmt: skip


def test_a_private_model_shows_its_offers_to_nobody_else(people):
    offer = make.offer()
    repository = offer.repository
    repository.visibility = "private"
    repository.save()
    assert people["stranger"].get("/api/licences/offers")[1] == {"offers": []}
    assert people["stranger"].get(f"/api/licences/offers/{offer.pk}")[0] == 404
    assert people["seller"].get(f"/api/licences/offers/{offer.pk}")[0] == 200


def test_missing_text_comes_with_the_refusal(people):
    data = make.product(make.person("maker"), "captions", kind="dataset", licence="cc-by-4.0")
    make.product(parents=[(data, "dataset")])
    status, answer = people["seller"].post("/api/licences/offers", **OFFER)
    assert (status, answer["code"]) == (409, "terms_incomplete")
    assert "maker/captions" in answer["required_text"]
    assert people["seller"].post("/api/licences/offers", **OFFER, add_required_text=True)[0] == 201


@pytest.mark.parametrize(
    "change",
    [
        {"price": "100"},
        {"price": True},
        {"use": "war"},
        {"title": None},
        {"territory": "DE"},
        {"days": 0},
        {"kind": "x"},
    ],
)
def test_faults_of_the_body_are_named(people, change):
    make.product()
    status, answer = people["seller"].post("/api/licences/offers", **(OFFER | change))
    assert (status, bool(answer["error"])) == (400, True)
    assert Offer.objects.count() == 0


def test_buying_without_a_key_says_what_to_do(people, settings):
    settings.STRIPE_API_KEY = ""
    status, answer = people["buyer"].post("/api/credits/checkout", holder="acme", amount=EUR)
    assert (status, answer["code"]) == (503, "payments_off")
    assert "STRIPE_API_KEY" in answer["hint"]


@pytest.mark.parametrize("variant", ["corrupt_signature", "old_timestamp", "wrong_secret", "truncated"])
def test_webhooks_that_stripe_did_not_sign(shop, variant):
    order = make.order()
    shop.press(order)
    letter = next(one for one in shop.letters("checkout.session.completed"))
    event = json.loads(letter.payload)["id"]
    shop.inbox.letters.clear()
    shop.standin.control("POST", f"events/{event}/deliver", variant=variant)
    assert shop.deliver(shop.inbox.letters[-1]).status_code == 400
    assert shop.deliver(letter, HTTP_STRIPE_SIGNATURE="").status_code == 400
    assert StripeEvent.objects.count() == 0
    assert shop.client.get("/webhooks/stripe").status_code == 405


@pytest.mark.parametrize("variant", ["unknown_type", "old_api_version"])
def test_webhooks_that_are_strange_are_kept(shop, variant):
    order = make.order()
    shop.press(order)
    event = json.loads(shop.letters("checkout.session.completed")[0].payload)["id"]
    shop.inbox.letters.clear()
    shop.standin.control("POST", f"events/{event}/deliver", variant=variant)
    assert shop.deliver(shop.inbox.letters[-1]).status_code == 200
    assert StripeEvent.objects.get().processed_at is not None
