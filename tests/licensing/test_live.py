"""The stand-in delivers its webhooks to the site itself, over HTTP, and tries again when the site fails."""

import time

import pytest
from django.db import connection

from accounts.principal import Principal
from licensing.enums import OrderState
from licensing.models import Certificate, GrantOfUse, Order, StripeEvent
from licensing.services import checkout, payments
from licensing.standin import process
from revenue.models import Sale
from tests.factories import licensing as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]


@pytest.fixture
def live_shop(live_server, settings, tmp_path):
    standin = process.start(
        state=tmp_path / "stripe.sqlite3",
        webhook_url=f"{live_server.url}/webhooks/stripe",
        log=tmp_path / "standin.log",
    )
    settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = standin.api_key, standin.url
    settings.BASE_URL = live_server.url
    settings.STRIPE_WEBHOOK_SECRET = "whsec_of_another_endpoint"
    yield standin
    standin.stop()


def test_webhooks_refused_at_first_settle_the_order_later(live_shop, settings):
    quote = make.accepted()
    order = checkout.start_checkout(quote, by=Principal(user=quote.requested_by))
    back = live_shop.press(order.checkout_url, "pay")
    assert back.startswith(f"{settings.BASE_URL}{order.get_absolute_url()}?session=cs_")
    wait_until(lambda: any(one["attempts"] for one in deliveries(live_shop)))
    assert Order.objects.get().state == OrderState.AWAITING_PAYMENT
    assert StripeEvent.objects.count() == 0
    settings.STRIPE_WEBHOOK_SECRET = live_shop.webhook_secret
    live_shop.control("POST", "clock", advance_s=3600)
    live_shop.control("POST", "webhooks/drain", timeout_s=20)
    assert Order.objects.get().state == OrderState.PAID
    assert (Sale.objects.count(), GrantOfUse.objects.count(), Certificate.objects.count()) == (1, 1, 1)
    assert payments.gateway().retrieve_checkout(order.checkout_id).may_be_fulfilled
    connection.close()


def deliveries(standin):
    answer = standin.control("GET", "deliveries")
    return answer["deliveries"] if isinstance(answer, dict) else answer


def wait_until(condition):
    for _attempt in range(200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("It did not happen within ten seconds.")
