"""Deliveries: signed as Stripe signs, at least once, in any order."""

import dataclasses

import pytest
import stripe

from licensing.standin import webhooks
from licensing.standin.process import ControlRefused
from tests.support.stripe_standin import checkout


def parsed(gateway, inbox):
    return [gateway.parse_webhook(letter.payload, letter.signature) for letter in inbox.letters]


def test_the_signature_is_the_one_of_stripe():
    ours = webhooks.sign('{"a": "支付"}', "whsec_x", 1_700_000_000)
    assert ours == stripe.WebhookSignature.generate_signature_header('{"a": "支付"}', "whsec_x", 1_700_000_000)


def test_waits_double_up_to_an_hour():
    assert [webhooks.wait_after(n) for n in (1, 2, 3, 4, 12, 13, 80)] == [1, 2, 4, 8, 2048, 3600, 3600]


def test_a_refused_webhook_comes_again(gateway, standin, inbox):
    inbox.answers = [500, 404]
    session = checkout(gateway)
    gateway.expire_checkout(session.id)
    for attempts in (1, 2):
        standin.control("POST", "webhooks/drain")
        [delivery] = standin.control("GET", "deliveries")
        assert (delivery["state"], delivery["attempts"]) == ("waiting", attempts)
        assert gateway.retrieve_event(delivery["event"]).type == "checkout.session.expired"
        standin.control("POST", "clock", advance_s=2 ** (attempts - 1))
    standin.control("POST", "webhooks/drain")
    [delivery] = standin.control("GET", "deliveries")
    assert (delivery["state"], [answer["status"] for answer in delivery["answers"]]) == ("delivered", [500, 404, 200])
    assert len({event.id for event in parsed(gateway, inbox)}) == 1
    assert len(inbox.letters) == 3


def test_an_event_can_be_delivered_again_and_again(gateway, standin, inbox):
    gateway.expire_checkout(checkout(gateway).id)
    standin.control("POST", "webhooks/drain")
    [event] = parsed(gateway, inbox)
    answers = standin.control("POST", f"events/{event.id}/deliver", copies=4)
    assert [answer["status"] for answer in answers] == [200] * 4
    assert parsed(gateway, inbox) == [event] * 5


@pytest.mark.parametrize(("order", "copies"), [("kept", 1), ("reversed", 1), ("shuffled", 5)])
def test_held_webhooks_are_released_in_the_order_asked_for(gateway, standin, inbox, order, copies):
    standin.control("POST", "webhooks", hold=True)
    standin.press(checkout(gateway).url, "pay")
    standin.control("POST", "webhooks/drain")
    assert inbox.letters == []
    sent = [event.id for event in gateway.list_events(since=0)][::-1]
    standin.control("POST", "webhooks/release", order=order, copies=copies, seed=7)
    standin.control("POST", "webhooks/drain")
    came = [event.id for event in parsed(gateway, inbox)]
    assert sorted(came) == sorted(sent * copies)
    if copies == 1:
        assert came == (sent if order == "kept" else sent[::-1])
    else:
        assert came != sent * copies


def test_delayed_webhooks_wait_for_the_clock(gateway, standin, inbox):
    standin.control("POST", "webhooks", delay_s=600)
    gateway.expire_checkout(checkout(gateway).id)
    standin.control("POST", "webhooks/drain")
    assert inbox.letters == []
    standin.control("POST", "clock", advance_s=600)
    standin.control("POST", "webhooks/drain")
    assert len(inbox.letters) == 1


def test_pending_webhooks_are_counted(gateway, standin):
    standin.control("POST", "webhooks", hold=True)
    gateway.expire_checkout(checkout(gateway).id)
    [event] = gateway.list_events(since=0)
    client = stripe.StripeClient(standin.api_key, base_addresses={"api": standin.url})
    assert client.v1.events.retrieve(event.id).pending_webhooks == 1
    standin.control("POST", "webhooks", hold=False)
    standin.control("POST", "webhooks/release")
    standin.control("POST", "webhooks/drain")
    assert client.v1.events.retrieve(event.id).pending_webhooks == 0


def test_controls_need_their_key_and_right_fields(standin):
    for path, fields in (("clock", {"advance_s": -1}), ("clock", {}), ("faults", {"kind": "bad luck"}), ("no", {})):
        with pytest.raises(ControlRefused):
            standin.control("POST", path, **fields)
    stranger = dataclasses.replace(standin, control_key="guess")
    with pytest.raises(ControlRefused, match="X-Control-Key"):
        stranger.control("GET", "state")


def test_a_reset_forgets_everything(gateway, standin):
    standin.control("POST", "clock", advance_s=60)
    checkout(gateway)
    standin.control("POST", "reset")
    state = standin.control("GET", "state")
    assert (state["objects"], state["deliveries"], state["clock_offset_s"]) == ({}, {}, 0)
