"""The pages: who sees what, forms that work without JavaScript, and how many queries lists take."""

import re

import pytest

from accounts.principal import Principal
from common.errors import Conflict
from licensing.enums import OrderState
from licensing.models import Acceptance, Offer, Order, Quote
from licensing.services import offers
from tests.factories import licensing as make

pytestmark = pytest.mark.django_db
EUR = make.EUR


def html(answer, status=200):
    assert answer.status_code == status
    return answer.content.decode()


def login(client, name):
    client.force_login(make.person(name))


def test_buying_in_the_browser(shop, client):
    offer = make.offer()
    by = make.company()
    client.force_login(by.user)
    assert "Commercial use" in html(client.get("/licences"))
    form = {"holder": "acme", "revenue_band": "under-1m", "seats": 2, "use": "product", "country": "DE"}
    quote_page = client.post(offer.get_absolute_url(), form).url
    page = html(client.get(quote_page))
    assert offer.terms_text in page
    assert offer.terms_sha256 in page
    assert 'type="checkbox"' in page
    answer = client.post(f"{quote_page}/accept", {"terms_sha256": offer.terms_sha256}, HTTP_ACCEPT="text/html")
    assert 'role="alert"' in html(answer)
    answer = client.post(f"{quote_page}/accept", {"terms_sha256": offer.terms_sha256, "authority": "on"})
    assert (answer.status_code, answer.url.startswith(shop.standin.url)) == (302, True)
    order = Order.objects.get()
    assert "not paid yet" in html(client.get(order.get_absolute_url()))
    shop.press(order, "later")
    waiting = html(client.get(f"{order.get_absolute_url()}?session={order.checkout_id}"))
    assert "waiting for the payment" in waiting
    assert '<meta http-equiv="refresh"' in waiting
    shop.standin.control("POST", f"sessions/{order.checkout_id}/settle", outcome="succeeded")
    shop.deliver_all()
    paid = html(client.get(order.get_absolute_url()))
    assert "Open the certificate" in paid
    assert 'http-equiv="refresh"' not in paid
    assert Acceptance.objects.get().ip == "127.0.0.1"
    assert "Your licences" in html(client.get("/licences"))
    assert "holds a commercial licence" in html(client.get(offer.repository.get_absolute_url()))


def test_a_changed_hash_is_refused_in_the_browser(client):
    quote = make.quote()
    client.force_login(quote.requested_by)
    form = {"terms_sha256": "0" * 64, "authority": "on"}
    answer = client.post(f"{quote.get_absolute_url()}/accept", form, HTTP_ACCEPT="text/html")
    assert "terms are not the ones" in html(answer, 409)


def test_offering_in_the_browser(client):
    data = make.product(make.person("maker"), "captions", kind="dataset", licence="cc-by-4.0")
    repository = make.product(parents=[(data, "dataset")])
    login(client, "researcher")
    page = html(client.get(repository.get_absolute_url()))
    address = re.search(r'href="(/licences/offers/new[^"]+)"', page)[1].replace("&amp;", "&")
    assert "maker/captions" in html(client.get(address))
    form = {
        "title": "One year", "price": "49.90", "currency": "eur", "term_days": 365, "seats": 0, "use": "product",
        "revenue_band": "any", "territory": "de, fr", "later_versions": "on", "terms_text": "Words",
    }  # fmt: skip
    assert "under CC-BY-4.0" in html(client.post(address, form))
    answer = client.post(address, form | {"add_required_text": "on"})
    offer = Offer.objects.get()
    assert (answer.status_code, answer.url) == (302, offer.get_absolute_url())
    assert (offer.price, offer.countries) == (49_900_000, ["DE", "FR"])
    assert "Withdraw the offer" in html(client.get(offer.get_absolute_url()))
    assert "Amount" not in html(client.post(address, form | {"price": "1e99"}))
    client.logout()
    assert client.get(address).status_code == 302
    assert "Buy a commercial licence" in html(client.get(repository.get_absolute_url()))
    login(client, "stranger")
    assert client.get(address).status_code == 403


def test_staff_decide_in_the_browser(client):
    base = make.product(make.person("maker"), "base", licence="")
    offer = make.offer(make.product(parents=[(base, "finetune")]))
    client.force_login(make.person("operator", is_staff=True))
    assert "May this be sold?" in html(client.get(offer.get_absolute_url()))
    client.post(f"{offer.get_absolute_url()}/decide", {"answer": "allow", "note": "letter"})
    assert Offer.objects.get().state == "open"


@pytest.mark.parametrize("who", ["stranger", "researcher"])
def test_a_quote_is_for_its_buyer(client, who):
    quote = make.quote()
    assert client.get(quote.get_absolute_url()).status_code == 302
    login(client, who)
    assert client.get(quote.get_absolute_url()).status_code == 404
    assert client.post(f"{quote.get_absolute_url()}/accept").status_code == 404


def test_an_order_is_for_buyer_seller_and_staff(shop, client):
    order = shop.paid()
    paths = [order.get_absolute_url(), f"{order.get_absolute_url()}/cancel", f"{order.get_absolute_url()}/refund"]
    assert client.get(paths[0]).status_code == 302
    login(client, "stranger")
    assert [client.get(paths[0]).status_code, *(client.post(path).status_code for path in paths[1:])] == [404] * 3
    client.force_login(order.ordered_by)
    assert "Refund the payment" not in html(client.get(paths[0]))
    assert client.post(paths[2]).status_code == 403
    login(client, "researcher")
    assert "Refund the payment" in html(client.get(paths[0]))
    assert client.post(paths[1]).status_code == 403
    assert client.post(paths[2], {"reason": "asked for"}).status_code == 302
    assert "The money went back" in html(client.get(paths[0]))
    client.force_login(order.ordered_by)
    assert "asked for" in html(client.get(paths[0]))


def test_buying_credits_in_the_browser(shop, client):
    by = make.company()
    client.force_login(by.user)
    assert "No credits were bought" in html(client.get("/credits"))
    answer = client.post("/credits?holder=acme", {"holder": "acme", "amount": "12.50", "currency": "eur"})
    order = Order.objects.get()
    assert (answer.url, order.gross, order.holder.name) == (order.checkout_url, 12_500_000, "acme")
    shop.press(order)
    shop.deliver_all()
    page = html(client.get("/credits?holder=acme"))
    assert "12.50 EUR" in page
    pack = re.search(r'formaction="(/credits/packs/\d+)"', page)[1]
    assert client.post(pack, {"holder": "acme"}).status_code == 302
    refused = client.post(pack, {"holder": "researcher"})
    assert (refused.status_code, b'role="alert"' in refused.content) == (200, True)
    assert Order.objects.count() == 2
    assert client.post("/credits", {"holder": "acme", "amount": "lots", "currency": "eur"}).status_code == 200
    panel = html(client.get("/acme"))
    assert "Generation credits" in panel
    client.logout()
    assert "Generation credits" not in html(client.get("/acme"))
    assert client.get("/credits").status_code == 302


def test_packs_and_amounts_are_bought_with_a_country_where_tax_is_due(shop, client, settings):
    settings.TAX_COUNTRY = "DE"
    client.force_login(make.company().user)
    page = html(client.get("/credits?holder=acme"))
    assert '<option value="FR">France</option>' in page
    pack = re.search(r'formaction="(/credits/packs/\d+)"', page)[1]
    missing = html(client.post(pack, {"holder": "acme", "country": ""}))
    assert 'role="alert"' in missing
    assert Order.objects.count() == 0
    assert client.post(pack, {"holder": "acme", "country": "GB", "vat_id": "GB123456789"}).status_code == 302
    amount = {"holder": "acme", "country": "GR", "vat_id": "EL123456789", "amount": "12,50", "currency": "eur"}
    assert client.post("/credits", amount).status_code == 302
    assert sorted(Order.objects.values_list("tax", flat=True)) == [0, 0]


def test_who_forgets_the_tick_gets_the_quote_again(client):
    quote = make.quote()
    client.force_login(quote.requested_by)
    answer = client.post(f"{quote.get_absolute_url()}/accept", {"terms_sha256": quote.terms_sha256})
    assert (answer.status_code, b'role="alert"' in answer.content) == (200, True)
    assert not Acceptance.objects.exists()


def test_the_terms_stay_with_the_order(shop, client):
    order = shop.paid()
    offers.withdraw_offer(order.quote.offer, by=Principal(user=order.quote.offer.seller.user))
    client.force_login(order.ordered_by)
    assert order.quote.offer.terms_text[:40] in html(client.get(order.get_absolute_url()))


def test_the_panel_says_what_a_licence_means(client):
    words = {
        "cc-by-nc-4.0": "In business only with a commercial licence",
        "apache-2.0": "Yes, also in business",
        "": "Nobody has said",
    }
    for number, (licence, sentence) in enumerate(words.items()):
        repository = make.product(name=f"shapes-{number}", licence=licence)
        assert sentence in html(client.get(repository.get_absolute_url()))


def test_pages_for_everybody(client):
    for path in ("/licences", "/verify", "/revocations"):
        assert client.get(path).status_code == 200


def test_the_catalogue_asks_as_often_for_three_as_for_one(client, django_assert_max_num_queries):
    repository = make.product()
    by = Principal(user=repository.namespace.user)
    counts = []
    for _time in (1, 2):
        make.offer(repository)
        with django_assert_max_num_queries(30) as queries:
            client.get("/licences")
            client.get("/api/licences/offers")
        counts.append(len(queries))
        make.offer(repository)
    assert counts[0] == counts[1]
    offers.withdraw_offer(Offer.objects.latest("pk"), by=by)


def test_own_orders_ask_as_often_for_three_as_for_one(shop, client, django_assert_max_num_queries):
    first = shop.paid()
    by = Principal(user=first.ordered_by)
    client.force_login(first.ordered_by)
    counts = []
    for wanted in (1, 3):
        while Order.objects.filter(state=OrderState.PAID).count() < wanted:
            shop.paid(first.quote.offer, by=by)
        with django_assert_max_num_queries(40) as queries:
            client.get("/licences")
            client.get("/api/licences/orders")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Quote.objects.count() == 3


def test_a_licence_more_permissive_than_its_source_is_told_above_the_card_and_cannot_be_sold(client):
    base = make.product(make.person("maker"), "base", licence="cc-by-nc-4.0")
    author = make.person("tuner")
    tuned = make.product(author, "tuned", licence="apache-2.0", parents=[(base, "finetune")])
    page = client.get("/tuner/tuned").content.decode()
    assert "The licence named here may not hold." in page
    assert "maker/base</span> (cc-by-nc-4.0)" in page
    assert "may not hold" not in client.get("/maker/base").content.decode()
    with pytest.raises(Conflict, match="cannot be sold"):
        make.offer(tuned)
    client.force_login(author)
    assert "<code>license: cc-by-nc-4.0</code>" in client.get("/tuner/tuned/credits").content.decode()
    type(base).objects.filter(pk=base.pk).update(visibility="private")
    client.logout()
    assert "maker/base" not in client.get("/tuner/tuned").content.decode()
