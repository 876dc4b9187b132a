"""The API as the stock client sees it, where the gateway does not go."""

import json
import urllib.error
import urllib.parse
import urllib.request

import pytest
import stripe

from licensing.standin import app as app_module
from licensing.standin.app import App, Request
from licensing.standin.control import Control
from licensing.standin.faults import Faults
from licensing.standin.store import Store
from licensing.standin.webhooks import Sender
from licensing.standin.world import World
from tests.support.stripe_standin import checkout


@pytest.fixture
def client(standin):
    return stripe.StripeClient(standin.api_key, base_addresses={"api": standin.url}).v1


def session_params(**fields):
    product = {"currency": "usd", "unit_amount": 4900, "product_data": {"name": "Licence"}}
    return {
        "mode": "payment",
        "success_url": "http://127.0.0.1/done",
        "line_items": [{"quantity": 1, "price_data": product}],
        **fields,
    }


@pytest.mark.parametrize("name", ["payment_method_types", "sucess_url"])
def test_removed_and_misspelt_parameters_are_refused(client, name):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.checkout.sessions.create(session_params(**{name: ["card"]}))
    assert (refused.value.param, refused.value.code) == (name, "parameter_unknown")
    assert refused.value.http_status == 400


def test_a_key_stays_free_when_the_parameters_did_not_fit(client):
    options = {"idempotency_key": "k1"}
    with pytest.raises(stripe.InvalidRequestError):
        client.checkout.sessions.create(session_params(sucess_url="x"), options)
    assert client.checkout.sessions.create(session_params(), options).status == "open"


def test_a_refusal_is_repeated_for_its_key(client, gateway, standin):
    session = checkout(gateway)
    standin.press(session.url, "pay")
    intent = gateway.retrieve_checkout(session.id).payment_intent
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
            client.refunds.create({"payment_intent": intent, "amount": 5000}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError):
        client.refunds.create({"payment_intent": intent, "amount": 4900}, {"idempotency_key": "k1"})


def test_what_is_not_imitated_is_refused_by_name(client):
    with pytest.raises(stripe.APIError, match=r"the operation Transfer\.create \(POST /v1/transfers\)") as refused:
        client.transfers.create({"amount": 1, "currency": "usd", "destination": "acct_1"})
    assert refused.value.http_status == 501
    with pytest.raises(stripe.APIError, match=r"the operation Refund\.cancel"):
        client.refunds.cancel("re_1")
    with pytest.raises(stripe.APIError, match=r"the parameter automatic_tax\.enabled"):
        client.checkout.sessions.create(session_params(automatic_tax={"enabled": True}))
    with pytest.raises(stripe.APIError, match="a mode other than"):
        client.checkout.sessions.create(session_params(mode="subscription"))
    with pytest.raises(stripe.APIError, match="payment with paypal"):
        client.checkout.sessions.create(session_params(allowed_payment_method_types=["paypal"]))


def test_unknown_addresses_are_no_operations(standin):
    client = stripe.StripeClient(standin.api_key, base_addresses={"api": standin.url})
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        client.raw_request("get", "/v1/chekout/sessions")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"line_items": []}, "line_items"),
        ({"line_items": [{"quantity": 1}]}, "price_data"),
        ({"success_url": "done"}, "http://"),
        ({"expires_at": 1}, "30 minutes"),
        ({"client_reference_id": "x" * 201}, "200"),
        ({"metadata": {"k" * 41: "v"}}, "Metadata"),
        ({"payment_intent_data": {"metadata": {"k": "v" * 501}}}, "Metadata"),
        ({"expand": ["currency"]}, "cannot be expanded"),
    ],
)
def test_business_rules_of_a_checkout(client, fields, words):
    with pytest.raises(stripe.InvalidRequestError, match=words):
        client.checkout.sessions.create(session_params(**fields))


@pytest.mark.parametrize(
    ("amounts", "words"),
    [
        ([("usd", 49)], "at least 50"),
        ([("usd", 100_000_000)], "at most"),
        ([("usd", 100), ("eur", 100)], "one currency"),
        ([("dollar", 100)], "currency"),
        ([("usd", -1)], "not negative"),
    ],
)
def test_amounts_that_are_refused(client, amounts, words):
    items = [
        {"quantity": 1, "price_data": {"currency": currency, "unit_amount": amount, "product_data": {"name": "x"}}}
        for currency, amount in amounts
    ]
    with pytest.raises(stripe.InvalidRequestError, match=words):
        client.checkout.sessions.create(session_params(line_items=items))


def test_expanding_follows_ids(client, gateway, standin):
    session = checkout(gateway)
    standin.press(session.url, "pay")
    expanded = client.checkout.sessions.retrieve(
        session.id, {"expand": ["line_items", "payment_intent.latest_charge.balance_transaction"]}
    )
    assert expanded.line_items.data[0].price.unit_amount == 4900
    assert expanded.payment_intent.latest_charge.balance_transaction.fee == 172
    listed = client.charges.list({"expand": ["data.balance_transaction"]})
    assert listed.data[0].balance_transaction.net == 4728
    assert [item.amount_total for item in client.checkout.sessions.line_items.list(session.id).data] == [4900]
    balance = client.balance.retrieve()
    assert [(b.amount, b.currency) for b in balance.pending] == [(4728, "usd")]


def test_pages_go_both_ways(client, gateway):
    made = [checkout(gateway, f"order-{n}").id for n in range(5)][::-1]
    page = client.checkout.sessions.list({"limit": 2})
    assert ([s.id for s in page.data], page.has_more) == (made[:2], True)
    after = client.checkout.sessions.list({"limit": 3, "starting_after": made[1]})
    assert ([s.id for s in after.data], after.has_more) == (made[2:], False)
    before = client.checkout.sessions.list({"limit": 2, "ending_before": made[3]})
    assert ([s.id for s in before.data], before.has_more) == (made[1:3], True)
    for wrong in ({"limit": 0}, {"limit": 101}, {"starting_after": "cs_nothing"}):
        with pytest.raises(stripe.InvalidRequestError):
            client.checkout.sessions.list(wrong)


def test_callers_are_checked(standin):
    def ask(key, **options):
        client = stripe.StripeClient(key, base_addresses={"api": standin.url}, **options)
        return client.v1.balance.retrieve()

    with pytest.raises(stripe.AuthenticationError, match="Invalid API key"):
        ask("sk_test_other")
    with pytest.raises(stripe.AuthenticationError, match="never send it a live key"):
        ask("sk_live_x")
    with pytest.raises(stripe.InvalidRequestError, match="2017-08-15"):
        ask(standin.api_key, stripe_version="2017-08-15")


def test_other_host_names_are_refused(standin):
    request = urllib.request.Request(f"{standin.url}/v1/balance", headers={"Host": "rebound.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as answer:
        assert answer.code == 421
        assert "127.0.0.1" in json.load(answer)["error"]["message"]


def test_a_wrong_answer_of_the_standin_is_a_loud_error_and_changes_nothing(tmp_path, monkeypatch):
    world = World(Store(tmp_path / "s.sqlite3"), base_url="http://127.0.0.1:1")
    sender, faults = Sender(world, "http://127.0.0.1:1/", "whsec_x"), Faults()
    app = App(world, faults, Control(world, faults, sender), api_key="sk_test_x", control_key=None)
    honest = app_module.operations.sessions.create
    monkeypatch.setattr(
        app_module.operations.sessions, "create", lambda *args: {**honest(*args), "amount_total": "49.00"}
    )
    form = {
        "mode": "payment",
        "success_url": "http://127.0.0.1/",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "4900",
        "line_items[0][price_data][product_data][name]": "x",
    }
    headers = {"host": "127.0.0.1:1", "authorization": "Bearer sk_test_x", "idempotency-key": "k"}
    body = urllib.parse.urlencode(form).encode()
    answer = app.answer(Request("post", "/v1/checkout/sessions", headers, body))
    assert answer.status == 500
    assert "amount_total" in json.loads(answer.body)["error"]["message"]
    assert answer.headers["Stripe-Should-Retry"] == "false"
    assert world.store.all("checkout.session") == []
    refused = app.answer(Request("get", "/_control/state", headers, b""))
    assert refused.status == 403
