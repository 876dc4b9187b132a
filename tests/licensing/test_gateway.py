"""The real stripe client through the gateway to the stand-in over HTTP."""

import dataclasses
import json

import pytest
import stripe

from licensing import gateway as gateway_module
from licensing.gateway import (
    API_VERSION,
    CardDeclined,
    Gateway,
    GatewayMisconfigured,
    GatewayRefused,
    GatewayUnavailable,
    IdempotencyConflict,
    LineItem,
    NotFound,
    SignatureRefused,
)
from tests.support.stripe_standin import checkout, gateway_to


def types_of(gateway, since=0):
    return [event.type for event in gateway.list_events(since=since)][::-1]


def paid(gateway, standin, key="order-1", **fields):
    session = checkout(gateway, key, **fields)
    standin.press(session.url, "pay")
    return gateway.retrieve_checkout(session.id)


def test_the_pinned_version_is_the_one_this_code_was_checked_with():
    assert stripe.api_version == API_VERSION


def test_another_api_version_is_refused(monkeypatch):
    monkeypatch.setattr(stripe, "api_version", "2027-03-31.next")
    with pytest.raises(GatewayMisconfigured, match="2027-03-31"):
        Gateway("sk_test_x", "whsec_x")


def test_a_live_key_never_goes_to_another_address():
    with pytest.raises(GatewayMisconfigured, match="live key"):
        Gateway("sk_live_x", "whsec_x", "http://127.0.0.1:1")


def test_a_new_checkout_is_open_and_unpaid(gateway, standin):
    session = checkout(gateway, metadata={"quote": "7"}, items=[LineItem("Seats", 1500, "eur", 3)])
    assert session.url == f"{standin.url}/c/pay/{session.id}"
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert (session.amount_total, session.currency) == (4500, "eur")
    assert (session.reference, session.payment_intent) == ("order-1", None)
    assert session.metadata == {"quote": "7", "reference": "order-1"}
    assert not session.may_be_fulfilled


def test_paying_by_card(gateway, standin):
    session = checkout(gateway)
    assert standin.press(session.url, "pay") == f"http://127.0.0.1:8000/done?session={session.id}"
    session = gateway.retrieve_checkout(session.id)
    assert session.may_be_fulfilled
    assert session.url is None
    payment = gateway.payment(session.payment_intent)
    assert (payment.status, payment.amount_received) == ("succeeded", 4900)
    assert payment.fee == 172  # 2.9 % of 4900 is 142.1, and 30
    assert payment.balance.net == 4900 - 172
    assert payment.metadata == {"reference": "order-1"}
    assert types_of(gateway) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
        "checkout.session.completed",
    ]


def test_paying_twice_pays_once(gateway, standin):
    session = checkout(gateway)
    first = standin.press(session.url, "pay")
    assert standin.press(session.url, "pay") == first
    assert len(list(gateway.list_balance_transactions(since=0))) == 1


def test_a_declined_card_leaves_the_session_open_for_another_try(gateway, standin):
    session = checkout(gateway)
    assert standin.press(session.url, "pay", card="4000 0000 0000 0002") == f"/c/pay/{session.id}"
    again = gateway.retrieve_checkout(session.id)
    assert (again.status, again.payment_status) == ("open", "unpaid")
    payment = gateway.payment(again.payment_intent)
    assert (payment.status, payment.failure_code) == ("requires_payment_method", "card_declined")
    assert payment.fee is None
    standin.press(session.url, "pay", card="4242 4242 4242 4242")
    done = gateway.retrieve_checkout(session.id)
    assert done.may_be_fulfilled
    assert done.payment_intent == again.payment_intent


def test_an_abandoned_checkout_expires_after_a_day(gateway, standin):
    session = checkout(gateway)
    standin.control("POST", "clock", advance_s=24 * 3600 + 1)
    assert gateway.retrieve_checkout(session.id).status == "expired"
    assert types_of(gateway) == ["checkout.session.expired"]


def test_expiring_a_checkout_stops_payment(gateway, standin):
    session = checkout(gateway)
    standin.press(session.url, "decline")
    assert gateway.expire_checkout(session.id).status == "expired"
    assert standin.press(session.url, "pay") == f"/c/pay/{session.id}"
    expired = gateway.retrieve_checkout(session.id)
    assert not expired.may_be_fulfilled
    assert gateway.payment(expired.payment_intent).status == "canceled"
    with pytest.raises(GatewayRefused, match="expired"):
        gateway.expire_checkout(session.id)


@pytest.mark.parametrize(("button", "status"), [("bank_confirms", "paid"), ("bank_refuses", "unpaid")])
def test_a_bank_debit_completes_first_and_settles_later(gateway, standin, button, status):
    session = checkout(gateway)
    standin.press(session.url, "later")
    waiting = gateway.retrieve_checkout(session.id)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert not waiting.may_be_fulfilled
    assert gateway.payment(waiting.payment_intent).status == "processing"
    assert gateway.payment(waiting.payment_intent).balance is None
    standin.press(f"{standin.url}/c/pay/{session.id}", button)
    settled = gateway.retrieve_checkout(session.id)
    assert settled.payment_status == status
    assert settled.may_be_fulfilled == (status == "paid")
    ending = {"paid": "succeeded", "unpaid": "failed"}[status]
    assert types_of(gateway)[-1] == f"checkout.session.async_payment_{ending}"


def test_a_bank_debit_settles_by_the_clock(gateway, standin):
    session = checkout(gateway)
    standin.press(session.url, "later")
    standin.control("POST", "clock", advance_s=3 * 86_400)
    assert gateway.retrieve_checkout(session.id).payment_status == "paid"


def test_a_free_checkout_needs_no_payment(gateway, standin):
    session = paid(gateway, standin, amount=0)
    assert (session.payment_status, session.payment_intent) == ("no_payment_required", None)
    assert session.may_be_fulfilled


def test_cards_only_offers_no_bank_debit(gateway, standin):
    session = checkout(gateway, cards_only=True)
    standin.press(session.url, "later")
    assert gateway.retrieve_checkout(session.id).status == "open"


def test_refunds_partial_full_and_over(gateway, standin):
    session = paid(gateway, standin)
    first = gateway.refund(
        session.payment_intent, amount=1900, reason="requested_by_customer", idempotency_key="r1", metadata={"by": "x"}
    )
    assert (first.amount, first.status, first.reason, first.metadata) == (
        1900,
        "succeeded",
        "requested_by_customer",
        {"by": "x"},
    )
    with pytest.raises(GatewayRefused) as over:
        gateway.refund(session.payment_intent, amount=3001, idempotency_key="r2")
    assert over.value.param == "amount"
    rest = gateway.refund(session.payment_intent, idempotency_key="r3")
    assert rest.amount == 3000
    with pytest.raises(GatewayRefused) as again:
        gateway.refund(session.payment_intent, idempotency_key="r4")
    assert again.value.code == "charge_already_refunded"
    assert [refund.amount for refund in gateway.list_refunds(session.payment_intent)] == [3000, 1900]
    assert gateway.payment(session.payment_intent).amount_refunded == 4900
    assert sum(entry.net for entry in gateway.list_balance_transactions(since=0)) == -172


@pytest.mark.parametrize(("outcome", "kept"), [("lost", -172 - 1500), ("won", 4900 - 172 - 1500)])
def test_a_dispute_takes_the_money_at_once(gateway, standin, outcome, kept):
    session = paid(gateway, standin)
    opened = standin.control("POST", "disputes", payment_intent=session.payment_intent)
    dispute = gateway.retrieve_dispute(opened["id"])
    assert (dispute.status, dispute.amount, dispute.payment_intent) == ("needs_response", 4900, session.payment_intent)
    assert [entry.net for entry in dispute.balance] == [-6400]
    assert gateway.payment(session.payment_intent).disputed
    with pytest.raises(GatewayRefused) as refused:
        gateway.refund(session.payment_intent, idempotency_key="r1")
    assert refused.value.code == "charge_disputed"
    standin.control("POST", f"disputes/{opened['id']}/close", outcome=outcome)
    assert gateway.retrieve_dispute(opened["id"]).status == outcome
    assert [found.id for found in gateway.list_disputes(since=0)] == [opened["id"]]
    assert sum(entry.net for entry in gateway.list_balance_transactions(since=0)) == kept
    assert gateway.checkout_of(dispute.payment_intent) == session


def test_money_is_pending_for_two_days(gateway, standin):
    paid(gateway, standin)
    [entry] = gateway.list_balance_transactions(since=0)
    assert entry.status == "pending"
    standin.control("POST", "clock", advance_s=2 * 86_400 + 1)
    [entry] = gateway.list_balance_transactions(since=0)
    assert entry.status == "available"


def test_the_same_key_gives_the_same_session(gateway):
    first = checkout(gateway)
    assert checkout(gateway) == first
    with pytest.raises(IdempotencyConflict, match="new key"):
        checkout(gateway, amount=5000)
    assert checkout(gateway, "order-2").id != first.id


def test_a_repeated_refund_gives_back_once(gateway, standin):
    session = paid(gateway, standin)
    first = gateway.refund(session.payment_intent, amount=100, idempotency_key="r1")
    assert gateway.refund(session.payment_intent, amount=100, idempotency_key="r1") == first
    assert gateway.payment(session.payment_intent).amount_refunded == 100


@pytest.mark.parametrize("kind", ["timeout_after_acting", "reset_after_acting"])
def test_an_answer_that_is_lost_after_acting_makes_one_session(standin, kind):
    gateway = gateway_to(standin, read_timeout_s=0.5)
    standin.control("POST", "faults", kind=kind, method="post")
    session = checkout(gateway)
    assert standin.control("GET", "state")["objects"] == {"checkout.session": 1}
    attempts = [r for r in standin.control("GET", "requests") if r["path"] == "/v1/checkout/sessions"]
    assert [attempt["idempotency_key"] for attempt in attempts] == ["order-1", "order-1"]
    assert gateway.retrieve_checkout(session.id) == session


@pytest.mark.parametrize("kind", ["conflict", "server_error", "connection_reset"])
def test_passing_faults_are_retried(gateway, standin, kind):
    standin.control("POST", "faults", kind=kind, method="post")
    checkout(gateway)
    assert standin.control("GET", "state")["objects"] == {"checkout.session": 1}


@pytest.mark.parametrize("kind", ["conflict", "server_error", "connection_reset", "rate_limit"])
def test_lasting_faults_are_reported_as_retryable(standin, kind):
    gateway = gateway_to(standin, retries=0)
    standin.control("POST", "faults", kind=kind, times=1)
    with pytest.raises(GatewayUnavailable, match="same idempotency key") as unavailable:
        checkout(gateway)
    assert unavailable.value.retryable
    checkout(gateway)


def test_nobody_listening_is_reported_as_retryable():
    gateway = Gateway("sk_test_x", "whsec_x", "http://127.0.0.1:9", retries=0)
    with pytest.raises(GatewayUnavailable, match="did not answer"):
        gateway.retrieve_checkout("cs_test_x")


def test_a_declined_card_in_an_api_call(gateway, standin):
    standin.control("POST", "faults", kind="card_declined")
    with pytest.raises(CardDeclined, match="another card") as declined:
        checkout(gateway)
    assert (declined.value.code, declined.value.decline_code) == ("card_declined", "generic_decline")
    assert not declined.value.retryable


def test_what_is_not_there_and_what_is_not_allowed(gateway, standin):
    for look_up in (gateway.retrieve_checkout, gateway.payment, gateway.retrieve_event, gateway.retrieve_dispute):
        with pytest.raises(NotFound):
            look_up("nothing")
    with pytest.raises(GatewayMisconfigured, match="Check the Stripe settings"):
        Gateway("sk_test_other", "whsec_x", standin.url).retrieve_checkout("cs_test_x")
    with pytest.raises(GatewayRefused, match="http"):
        checkout(gateway, success_url="/done")
    assert gateway.checkout_of("pi_nothing") is None


def test_lists_follow_every_page(gateway, standin):
    session = paid(gateway, standin)
    for number in range(105):
        gateway.refund(session.payment_intent, amount=1, idempotency_key=f"r{number}")
    entries = list(gateway.list_balance_transactions(since=0))
    assert len(entries) == len({entry.id for entry in entries}) == 106
    assert len(list(gateway.list_events(since=0, types=["refund.created"]))) == 105
    assert list(gateway.list_events(since=0, until=1)) == []


def webhook(standin, inbox, gateway, kind="checkout.session.completed"):
    standin.control("POST", "webhooks/drain")
    for letter in inbox.letters:
        event = gateway.parse_webhook(letter.payload, letter.signature)
        if event.type == kind:
            return letter, event
    raise AssertionError(kind)


def test_a_webhook_is_verified_and_read(gateway, standin, inbox):
    session = paid(gateway, standin)
    _, event = webhook(standin, inbox, gateway)
    assert event.is_current
    assert event.object["id"] == session.id
    assert event.object["client_reference_id"] == "order-1"
    assert gateway.retrieve_event(event.id) == event
    _, updated = webhook(standin, inbox, gateway, "charge.updated")
    assert updated.previous == {"balance_transaction": None}


@pytest.mark.parametrize("variant", ["corrupt_signature", "old_timestamp", "wrong_secret", "truncated"])
def test_spoiled_webhooks_are_refused(gateway, standin, inbox, variant):
    paid(gateway, standin)
    _, event = webhook(standin, inbox, gateway)
    inbox.letters.clear()
    assert [answer["status"] for answer in standin.control("POST", f"events/{event.id}/deliver", variant=variant)] == [
        200
    ]
    [letter] = inbox.letters
    with pytest.raises(SignatureRefused) as refused:
        gateway.parse_webhook(letter.payload, letter.signature)
    assert refused.value.code == ("unreadable" if variant == "truncated" else "signature")


def test_webhooks_that_are_none_are_refused(gateway, standin):
    def signed(payload):
        return stripe.WebhookSignature.generate_signature_header(payload, standin.webhook_secret)

    for payload in ("{}", "[]", "null", "not json", '{"object": "event", "id": "evt_x"}'):
        with pytest.raises(SignatureRefused):
            gateway.parse_webhook(payload.encode(), signed(payload))
    with pytest.raises(SignatureRefused):
        gateway.parse_webhook(b"\xff\xfe", "t=1,v1=x")
    with pytest.raises(SignatureRefused):
        gateway.parse_webhook(b"{}", None)


def test_events_of_other_versions_and_types_are_readable_but_marked(gateway, standin, inbox):
    paid(gateway, standin)
    _, event = webhook(standin, inbox, gateway)
    inbox.letters.clear()
    standin.control("POST", f"events/{event.id}/deliver", variant="old_api_version")
    standin.control("POST", f"events/{event.id}/deliver", variant="unknown_type")
    old, unknown = (gateway.parse_webhook(letter.payload, letter.signature) for letter in inbox.letters)
    assert not old.is_current
    assert unknown.type == "wellspring.unknown"


def test_nothing_of_stripe_leaves_the_gateway(gateway, standin):
    session = paid(gateway, standin)
    found = [session, gateway.payment(session.payment_intent), *gateway.list_events(since=0)]
    for fact in found:
        json.dumps(dataclasses.asdict(fact))
    assert gateway_module.stripe.enable_telemetry is False
