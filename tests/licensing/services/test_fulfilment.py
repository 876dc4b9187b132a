"""From a paid checkout to exactly one sale, one grant and one certificate, whatever happens on the way."""

import random
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.principal import Principal
from common import signing
from common.errors import Conflict, Forbidden, Unavailable
from common.services import auditing
from licensing.enums import GrantState, OrderState
from licensing.models import Certificate, GrantOfUse, Offer, Order, Quote, Revocation, StripeEvent
from licensing.selectors import grant_for
from licensing.services import checkout, events, fulfilment, offers, payments, refunds
from revenue.models import RevenueLine, Sale, SaleFee, SaleReversal
from revenue.selectors import credit_balance
from tests.factories import licensing as make

pytestmark = pytest.mark.django_db
EUR = make.EUR


def booked():
    return Sale.objects.count(), GrantOfUse.objects.count(), Certificate.objects.count(), RevenueLine.objects.count()


def violations():
    """Without the transactions of run_all: the auditors themselves."""
    return [
        sentence
        for name, function in auditing._auditors.items()
        if name.startswith(("licensing", "revenue"))
        for sentence in function()
    ]


def staff():
    return Principal(user=make.person("operator", is_staff=True))


def test_a_paid_licence_is_granted_booked_and_certified(shop):
    order = shop.paid()
    assert (order.state, order.gross, order.fee) == (OrderState.PAID, 100 * EUR, 3_200_000)  # 2.9 % + 0.30
    sale = Sale.objects.get()
    assert (sale.reference, sale.gross, sale.tax, sale.customer.name) == (order.reference, 100 * EUR, 0, "acme")
    assert sale.fee + sum(SaleFee.objects.values_list("amount", flat=True)) == order.fee
    assert sale.snapshot_id == order.quote.snapshot_id
    grant = grant_for(order.holder, order.quote.offer.repository)
    assert (grant.order, grant.ends_at - grant.starts_at) == (order, timedelta(days=365))
    claims = signing.verify(grant.certificate.jws)
    assert (claims["sub"], claims["order"]) == ("acme", order.pk)
    assert claims["lic"]["terms_sha256"] == order.quote.acceptance.terms_sha256 == order.quote.offer.terms_sha256
    assert claims["lic"]["versions"] == [{"number": 1, "commit": order.quote.version.commit}]
    assert len(claims["lic"]["files_sha256"]) == 64
    assert booked() == (1, 1, 1, 1)
    assert violations() == []


@pytest.mark.parametrize("seed", range(3))
def test_five_deliveries_in_any_order_book_once(shop, seed):
    order = make.order()
    shop.press(order)
    letters = shop.letters() * 5
    random.Random(seed).shuffle(letters)
    assert {shop.deliver(letter).status_code for letter in letters} == {200}
    assert booked() == (1, 1, 1, 1)
    assert set(StripeEvent.objects.values_list("deliveries", flat=True)) == {5}
    assert not StripeEvent.objects.filter(processed_at__isnull=True).exists()
    assert violations() == []


def test_the_success_page_before_the_webhook(shop, client):
    order = make.order()
    client.force_login(order.ordered_by)
    address = shop.press(order)
    page = client.get(f"{order.get_absolute_url()}?session={address.partition('session=')[2]}")
    assert b"Paid." in page.content
    assert booked() == (1, 1, 1, 1)
    shop.deliver_all()
    assert booked() == (1, 1, 1, 1)


def test_the_webhook_before_the_success_page(shop, client):
    order = shop.paid()
    client.force_login(order.ordered_by)
    assert b"Paid." in client.get(f"{order.get_absolute_url()}?session=x").content
    assert booked() == (1, 1, 1, 1)


def test_the_reconciler_finds_what_no_webhook_brought(shop):
    order = make.order()
    shop.press(order)
    Order.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    events.reconcile()
    events.reconcile()
    order.refresh_from_db()
    assert order.state == OrderState.PAID
    assert booked() == (1, 1, 1, 1)


def test_a_webhook_that_comes_before_the_answer_of_the_checkout(shop):
    order = make.order()
    Order.objects.update(checkout_id=None, checkout_url="")
    shop.press(order)
    shop.deliver_all("checkout.session.completed")
    checkout_id = order.checkout_id
    order.refresh_from_db()
    assert (order.state, order.checkout_id) == (OrderState.PAID, checkout_id)


def test_a_declined_card_leaves_the_order_open_for_another_try(shop):
    order = make.order()
    shop.press(order, "decline")
    shop.deliver_all()
    order.refresh_from_db()
    assert order.state == OrderState.AWAITING_PAYMENT
    assert booked() == (0, 0, 0, 0)
    shop.press(order)
    shop.deliver_all()
    order.refresh_from_db()
    assert order.state == OrderState.PAID


def test_an_abandoned_checkout_expires_and_the_quote_can_be_paid_anew(shop):
    order = make.order()
    shop.standin.control("POST", "clock", advance_s=25 * 3600)
    shop.deliver_all()
    order.refresh_from_db()
    assert order.state == OrderState.EXPIRED
    again = checkout.start_checkout(order.quote, by=Principal(user=order.ordered_by))
    assert again.pk != order.pk
    shop.press(again)
    shop.deliver_all()
    assert booked() == (1, 1, 1, 1)
    assert violations() == []


def test_the_page_of_a_replaced_order_cannot_be_paid(shop):
    order = make.order()
    Order.objects.filter(pk=order.pk).update(created_at=timezone.now() - checkout.LIFE)
    again = checkout.start_checkout(order.quote, by=Principal(user=order.ordered_by))
    assert again.pk != order.pk
    assert payments.gateway().retrieve_checkout(order.checkout_id).status == "expired"
    shop.press(again)
    shop.deliver_all()
    assert booked() == (1, 1, 1, 1)


def test_an_overdue_order_that_was_paid_is_not_replaced(shop):
    order = make.order()
    shop.press(order)
    Order.objects.filter(pk=order.pk).update(created_at=timezone.now() - checkout.LIFE)
    with pytest.raises(Conflict) as refusal:
        checkout.start_checkout(order.quote, by=Principal(user=order.ordered_by))
    assert refusal.value.code == "already_paid"
    assert booked() == (1, 1, 1, 1)


def test_a_bank_debit_is_granted_only_when_the_bank_has_paid(shop):
    order = make.order()
    shop.press(order, "later")
    shop.deliver_all()
    order.refresh_from_db()
    assert order.state == OrderState.AWAITING_PAYMENT
    assert booked() == (0, 0, 0, 0)
    shop.standin.control("POST", f"sessions/{order.checkout_id}/settle", outcome="succeeded")
    shop.deliver_all()
    order.refresh_from_db()
    assert order.state == OrderState.PAID
    assert booked() == (1, 1, 1, 1)


def test_a_bank_debit_that_fails_cancels_the_order(shop):
    order = make.order()
    shop.press(order, "later")
    shop.standin.control("POST", f"sessions/{order.checkout_id}/settle", outcome="failed")
    shop.deliver_all()
    order.refresh_from_db()
    assert order.state == OrderState.CANCELLED
    assert booked() == (0, 0, 0, 0)


def test_cancelling_closes_the_checkout(shop):
    order = make.order()
    by = Principal(user=order.ordered_by)
    assert checkout.cancel_order(order, by=by).state == OrderState.CANCELLED
    assert payments.gateway().retrieve_checkout(order.checkout_id).status == "expired"
    assert checkout.cancel_order(Order.objects.get(), by=by).state == OrderState.CANCELLED
    shop.deliver_all()
    assert Order.objects.get().state == OrderState.CANCELLED


def test_cancelling_what_was_paid_meanwhile_keeps_it_paid(shop):
    order = make.order()
    shop.press(order)
    assert checkout.cancel_order(order, by=Principal(user=order.ordered_by)).state == OrderState.PAID
    assert booked() == (1, 1, 1, 1)


def test_the_same_checkout_again_is_the_same_order(shop):
    order = make.order()
    again = checkout.start_checkout(order.quote, by=Principal(user=order.ordered_by))
    assert (again.pk, again.checkout_id) == (order.pk, order.checkout_id)
    shop.press(order)
    shop.deliver_all()
    with pytest.raises(Conflict) as refusal:
        checkout.start_checkout(order.quote, by=Principal(user=order.ordered_by))
    assert refusal.value.code == "already_paid"


def test_a_lost_answer_of_the_processor_is_asked_for_again(shop):
    quote = make.accepted()
    by = Principal(user=quote.requested_by)
    shop.standin.control("POST", "faults", kind="reset_after_acting", times=3, method="post", path="/v1/checkout")
    with pytest.raises(Unavailable):
        checkout.start_checkout(quote, by=by)
    order = checkout.start_checkout(quote, by=by)
    assert Order.objects.count() == 1
    assert shop.standin.control("GET", "state")["objects"]["checkout.session"] == 1
    assert order.checkout_url


def test_another_amount_is_never_fulfilled(shop):
    order = make.order()
    Order.objects.update(gross=order.gross + 10_000)
    shop.press(order)
    shop.deliver_all("checkout.session.completed")
    order.refresh_from_db()
    assert order.state == OrderState.AWAITING_PAYMENT
    assert booked() == (0, 0, 0, 0)
    assert StripeEvent.objects.get().processed_at is None


def test_a_late_fee_is_booked_once(shop):
    order = make.order()
    shop.press(order)
    shop.standin.control("POST", "faults", kind="server_error", times=3, method="get", path="/v1/payment_intents")
    shop.deliver_all("checkout.session.completed")
    order.refresh_from_db()
    assert (order.state, order.fee) == (OrderState.PAID, None)
    shop.standin.control("DELETE", "faults")
    for _time in range(2):
        Order.objects.update(checked_at=None, created_at=timezone.now() - timedelta(minutes=2))
        events.reconcile()
    order.refresh_from_db()
    assert order.fee == 3_200_000
    assert list(SaleFee.objects.values_list("amount", flat=True)) == [3_200_000]
    assert violations() == []


def test_a_refund_revokes_and_reverses(shop):
    order = shop.paid()
    certificate = order.grant.certificate
    refunds.refund_order(order, reason="not needed", by=staff())
    shop.deliver_all()
    order.refresh_from_db()
    assert (order.state, order.refunded) == (OrderState.REFUNDED, order.gross)
    assert list(Revocation.objects.values_list("seq", "certificate", "reason")) == [(1, certificate.pk, "refund")]
    assert SaleReversal.objects.get().amount == order.gross
    assert grant_for(order.holder, order.quote.offer.repository) is None
    assert violations() == []
    with pytest.raises(Conflict):
        refunds.refund_order(order, reason="again", by=staff())


def test_a_refund_made_elsewhere_is_booked_from_its_webhook(shop):
    order = shop.paid()
    gateway = payments.gateway()
    gateway.refund(order.payment_intent, idempotency_key="part", amount=4_000)
    shop.deliver_all()
    order.refresh_from_db()
    assert (order.state, order.refunded) == (OrderState.PAID, 40 * EUR)
    gateway.refund(order.payment_intent, idempotency_key="rest")
    shop.deliver_all()
    order.refresh_from_db()
    assert (order.state, order.refunded) == (OrderState.REFUNDED, 100 * EUR)
    assert order.grant.state == GrantState.REVOKED
    assert violations() == []


def test_a_refund_that_overtakes_the_news_of_the_payment(shop):
    order = make.order()
    shop.press(order)
    session = payments.gateway().retrieve_checkout(order.checkout_id)
    payments.gateway().refund(session.payment_intent, idempotency_key="all")
    shop.deliver_all("charge.refunded")
    order.refresh_from_db()
    assert order.state == OrderState.REFUNDED
    shop.deliver_all()
    assert (Sale.objects.count(), SaleReversal.objects.count(), Revocation.objects.count()) == (1, 1, 1)
    assert violations() == []


def test_the_numbers_of_the_revocation_list_have_no_gaps(shop):
    first = shop.paid()
    second = shop.paid(first.quote.offer, by=Principal(user=first.ordered_by))
    for order in (second, first):
        refunds.refund_order(order, reason="x", by=staff())
    assert list(Revocation.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2]


def test_a_second_licence_to_the_same_offer_prolongs_the_first(shop):
    first = shop.paid()
    second = shop.paid(first.quote.offer, by=Principal(user=first.ordered_by))
    assert second.grant.starts_at == first.grant.ends_at
    assert not second.grant.holds
    assert grant_for(first.holder, first.quote.offer.repository) == first.grant


def test_a_licence_that_begins_later_can_be_looked_at(shop, client):
    first = shop.paid()
    waiting = shop.paid(first.quote.offer, by=Principal(user=first.ordered_by)).grant.certificate
    assert "Not valid yet" in client.get(waiting.get_absolute_url()).content.decode()
    assert "Not valid yet" in client.post("/verify", {"certificate": waiting.jws}).content.decode()
    assert violations() == []
    with pytest.raises(signing.SignatureInvalid):
        signing.verify(waiting.jws)


@pytest.mark.parametrize(
    ("outcome", "state", "grant"),
    [("lost", OrderState.CHARGED_BACK, GrantState.REVOKED), ("won", OrderState.PAID, GrantState.ACTIVE)],
)
def test_a_dispute(shop, outcome, state, grant):
    order = shop.paid()
    opened = shop.standin.control("POST", "disputes", payment_intent=order.payment_intent)
    shop.deliver_all()
    order.refresh_from_db()
    assert (order.state, order.grant.state) == (OrderState.DISPUTED, GrantState.ACTIVE)
    shop.standin.control("POST", f"disputes/{opened['id']}/close", outcome=outcome)
    shop.deliver_all()
    shop.deliver_all()
    order = Order.objects.get()
    assert (order.state, order.grant.state) == (state, grant)
    assert SaleReversal.objects.count() == Revocation.objects.count() == (1 if outcome == "lost" else 0)
    assert SaleFee.objects.filter(key__startswith="dispute:").get().amount == 15 * EUR
    assert violations() == []


def test_withdrawn_after_the_sale_the_licence_stays(shop):
    order = shop.paid()
    offer = order.quote.offer
    offers.withdraw_offer(offer, by=Principal(user=offer.seller.user))
    assert grant_for(order.holder, offer.repository) == order.grant
    later = Quote.objects.get()
    with pytest.raises(Conflict) as refusal:
        checkout.start_checkout(later, by=Principal(user=order.ordered_by))
    assert refusal.value.code == "already_paid"


def test_nobody_else_refunds(shop):
    order = shop.paid()
    seller = Principal(user=order.quote.offer.seller.user)
    for by in (Principal(user=order.ordered_by), Principal(user=make.person("stranger"))):
        with pytest.raises(Forbidden):
            refunds.refund_order(order, reason="x", by=by)
    Order.objects.update(paid_at=timezone.now() - timedelta(days=61))
    with pytest.raises(Forbidden):
        refunds.refund_order(order, reason="x", by=seller)
    Order.objects.update(paid_at=timezone.now() - timedelta(days=59))
    assert refunds.refund_order(order, reason="x", by=seller).state == OrderState.REFUNDED


def test_credits_are_bought_and_refunded(shop):
    by = make.company()
    holder = make.namespace_of("acme")
    order = checkout.start_credit_checkout(holder, amount=50 * EUR, currency="eur", by=by)
    shop.press(order)
    shop.deliver_all()
    assert credit_balance(holder, "eur") == 50 * EUR
    assert booked() == (1, 0, 0, 0)
    order.refresh_from_db()
    refunds.refund_order(order, reason="x", by=staff())
    assert credit_balance(holder, "eur") == 0
    assert violations() == []


def test_without_a_key_nothing_is_sold(settings):
    settings.STRIPE_API_KEY = ""
    quote = make.accepted()
    with pytest.raises(Unavailable) as refusal:
        checkout.start_checkout(quote, by=Principal(user=quote.requested_by))
    assert refusal.value.code == "payments_off"
    assert events.reconcile() == 0
    assert Order.objects.count() == 0


def test_grants_expire_when_their_term_is_over(shop):
    order = shop.paid()
    GrantOfUse.objects.update(starts_at=timezone.now() - timedelta(days=3), ends_at=timezone.now())
    assert grant_for(order.holder, order.quote.offer.repository) is None
    assert (fulfilment.expire_grants(), fulfilment.expire_grants()) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_book_once(shop):
    order = make.order()
    shop.press(order)
    session = payments.gateway().retrieve_checkout(order.checkout_id)
    letters = shop.letters()
    errors = []

    def work(number):
        try:
            if number % 2:
                fulfilment.fulfil(session)
            else:
                for letter in letters:
                    assert shop.deliver(letter, client=type(shop.client)()).status_code == 200
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert booked() == (1, 1, 1, 1)
    assert violations() == []
    assert Offer.objects.count() == 1
