import json
from dataclasses import dataclass

import pytest
from django.test import Client

from licensing.standin.process import StandIn
from tests.factories import licensing as make
from tests.support.stripe_standin import Inbox, gateway_to, running


@pytest.fixture(scope="session")
def stripe_world(tmp_path_factory):
    """One stand-in process for the run, and the inbox for its webhooks."""
    with running(tmp_path_factory.mktemp("stripe")) as (standin, inbox):
        yield standin, inbox


@pytest.fixture
def standin(stripe_world):
    """The stand-in, empty at the start of each test."""
    standin, inbox = stripe_world
    standin.control("POST", "reset")
    inbox.letters.clear()
    inbox.answers.clear()
    return standin


@pytest.fixture
def inbox(stripe_world, standin):
    return stripe_world[1]


@pytest.fixture
def gateway(standin):
    return gateway_to(standin)


@pytest.fixture
def shop(standin, inbox, settings, client):
    """The site sells through the stand-in; its webhooks wait in the inbox until a test delivers them."""
    settings.STRIPE_API_KEY = standin.api_key
    settings.STRIPE_WEBHOOK_SECRET = standin.webhook_secret
    settings.STRIPE_API_BASE = standin.url
    return Shop(standin, inbox, client)


@dataclass
class Shop:
    standin: StandIn
    inbox: Inbox
    client: Client

    def letters(self, *types):
        """What the stand-in has sent by now, as real signed requests; of these types only, if any are named."""
        self.standin.control("POST", "webhooks/drain", timeout_s=20)
        with self.inbox.lock:
            letters = list(self.inbox.letters)
        return [letter for letter in letters if not types or json.loads(letter.payload)["type"] in types]

    def deliver(self, letter, *, client=None, **headers):
        return (client or self.client).post(
            "/webhooks/stripe",
            letter.payload,
            content_type="application/json",
            **({"HTTP_STRIPE_SIGNATURE": letter.signature} | headers),
        )

    def deliver_all(self, *types):
        answers = [self.deliver(letter) for letter in self.letters(*types)]
        assert {answer.status_code for answer in answers} <= {200}
        return [answer.json() for answer in answers]

    def press(self, order, action="pay", **fields):
        return self.standin.press(order.checkout_url, action, **fields)

    def paid(self, of=None, **changes):
        """An order that was paid and settled by its webhooks."""
        order = make.order(of, **changes)
        self.press(order)
        self.deliver_all()
        order.refresh_from_db()
        return order
