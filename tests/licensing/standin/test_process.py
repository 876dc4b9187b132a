"""The process: durable, on this machine only, never in production."""

import os
import subprocess
import sys

import pytest

from licensing.standin import process
from tests.support.stripe_standin import checkout, gateway_to, open_inbox


def run(tmp_path, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "licensing.standin", "--state", str(tmp_path / "s.sqlite3"), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


HERE = ("--webhook-url", "http://127.0.0.1:9/webhooks", "--webhook-secret", "whsec_x")


def test_it_does_not_start_in_production(tmp_path):
    ended = run(tmp_path, *HERE, WELLSPRING_ENV="production")
    assert ended.returncode == 2
    assert "does not run in production" in ended.stderr
    assert not (tmp_path / "s.sqlite3").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*HERE, "--api-key", "sk_live_x"), "never give the stand-in a live key"),
        (("--webhook-url", "http://example.org/", "--webhook-secret", "x"), "127.0.0.1"),
        (("--webhook-url", "http://127.0.0.1:9/"), "--webhook-secret"),
    ],
)
def test_it_refuses_what_could_do_harm(tmp_path, arguments, words):
    ended = run(tmp_path, *arguments)
    assert ended.returncode == 2
    assert words in ended.stderr


def test_a_failed_start_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("WELLSPRING_ENV", "production")
    with pytest.raises(RuntimeError, match="did not start"):
        process.start(state=tmp_path / "s.sqlite3", webhook_url="http://127.0.0.1:9/", log=tmp_path / "log")


def test_refused_webhooks_are_tried_again_at_the_next_start(tmp_path):
    with open_inbox() as inbox:
        options = {"state": tmp_path / "s.sqlite3", "webhook_url": inbox.url, "log": tmp_path / "log"}
        first = process.start(**options)
        inbox.answers = [500] * 8
        gateway_to(first).expire_checkout(checkout(gateway_to(first)).id)
        for _ in range(7):
            first.control("POST", "webhooks/drain")
            first.control("POST", "clock", advance_s=3600)
        first.control("POST", "webhooks/drain")
        [delivery] = first.control("GET", "deliveries")
        assert (delivery["state"], delivery["attempts"]) == ("waiting", 8)  # the next try is minutes away
        first.kill()

        second = process.start(**options)
        try:
            second.control("POST", "webhooks/drain")
            [again] = second.control("GET", "deliveries")
            assert (again["event"], again["state"], again["attempts"]) == (delivery["event"], "delivered", 9)
        finally:
            second.stop()


def test_everything_survives_a_kill(tmp_path):
    with open_inbox() as inbox:
        options = {"state": tmp_path / "s.sqlite3", "webhook_url": inbox.url, "log": tmp_path / "log"}
        first = process.start(**options)
        gateway = gateway_to(first)
        first.control("POST", "webhooks", hold=True)
        session = checkout(gateway)
        first.press(session.url, "pay")
        paid = gateway.retrieve_checkout(session.id)
        refund = gateway.refund(paid.payment_intent, amount=100, idempotency_key="r1")
        events = list(gateway.list_events(since=0))
        entries = list(gateway.list_balance_transactions(since=0))
        first.kill()

        second = process.start(**options)
        try:
            gateway = gateway_to(second)
            assert gateway.retrieve_checkout(session.id) == paid
            assert list(gateway.list_events(since=0)) == events
            assert list(gateway.list_balance_transactions(since=0)) == entries
            assert gateway.refund(paid.payment_intent, amount=100, idempotency_key="r1") == refund
            assert gateway.payment(paid.payment_intent).amount_refunded == 100
            second.control("POST", "webhooks/release")
            second.control("POST", "webhooks/drain")
            came = [gateway.parse_webhook(letter.payload, letter.signature) for letter in inbox.letters]
            assert came == events[::-1]
        finally:
            second.stop()
