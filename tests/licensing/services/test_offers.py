"""Offers, the upstream check, quotes and acceptance."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.enums import Role, TokenScope
from accounts.principal import Principal
from accounts.services import organisations
from common.errors import Conflict, Forbidden, Invalid
from licensing.enums import (
    GRANT_MOVES,
    OFFER_MOVES,
    ORDER_MOVES,
    GrantState,
    OfferState,
    OrderState,
    Outcome,
    RevenueBand,
    Use,
)
from licensing.models import Acceptance, GrantOfUse, Offer, Order, Quote
from licensing.selectors import offers_of
from licensing.services import checkout, offers, quotes
from licensing.services.states import move
from tests.factories import licensing as make
from tests.factories.accounts import join, principal_of

pytestmark = pytest.mark.django_db
EUR = make.EUR


def refused(code, function, *arguments, **fields):
    with pytest.raises(Conflict) as refusal:
        function(*arguments, **fields)
    assert refusal.value.code == code
    return refusal.value


def test_an_offer_of_own_work_is_open_at_once():
    offer = make.offer(terms="Words\r\nand more\r\n\r\n")
    assert (offer.state, offer.outcome, offer.product) == (OfferState.OPEN, Outcome.OK, "model:researcher/shapes")
    assert offer.terms_text == "Words\nand more\n"
    assert offer.terms_sha256 == offers.text_sha256("Words\nand more\n")
    assert list(offers_of(offer.repository)) == [offer]


def test_text_that_upstream_requires_is_added_when_asked():
    data = make.product(make.person("maker"), "captions", kind="dataset", licence="cc-by-4.0")
    model = make.product(parents=[(data, "dataset")])
    refusal = refused("terms_incomplete", make.offer, model)
    assert "data set maker/captions, under CC-BY-4.0" in refusal.context["required_text"]
    offer = make.offer(model, add_required_text=True)
    assert (offer.state, offer.outcome) == (OfferState.OPEN, Outcome.OK)
    assert refusal.context["required_text"] in offer.terms_text
    assert make.offer(model, terms=offer.terms_text).terms_sha256 == offer.terms_sha256
    assert make.quote(offer).obligations == [refusal.context["required_text"]]


def test_what_upstream_forbids_cannot_be_offered():
    base = make.product(make.person("maker"), "base", licence="cc-by-nc-4.0")
    refused("upstream_refused", make.offer, make.product(parents=[(base, "finetune")]))
    assert Offer.objects.count() == 0


def test_what_nobody_knows_waits_for_staff():
    base = make.product(make.person("maker"), "base", licence="")
    model = make.product(parents=[(base, "finetune")])
    offer = make.offer(model)
    assert (offer.state, offer.outcome) == (OfferState.DRAFT, Outcome.UNKNOWN)
    staff = Principal(user=make.person("operator", is_staff=True))
    with pytest.raises(Forbidden):
        offers.decide_offer(offer, allow=True, note="I say so", by=Principal(user=model.namespace.user))
    with pytest.raises(Invalid):
        offers.decide_offer(offer, allow=True, note=" ", by=staff)
    assert offers.decide_offer(offer, allow=True, note="letter of the maker", by=staff).state == OfferState.OPEN
    assert make.quote(offer).total == 100 * EUR
    refused("nothing_to_decide", offers.decide_offer, offer, allow=True, note="x", by=staff)
    base.license = "other"
    base.save()
    refused("upstream_changed", make.quote, offer, by=Principal(user=make.person("buyer")))


def test_lineage_that_changes_after_the_offer_stops_new_sales():
    base = make.product(make.person("maker"), "base", licence="mit")
    offer = make.offer(make.product(parents=[(base, "finetune")]), add_required_text=True)
    quote = make.accepted(offer)
    base.license = "cc-by-nc-4.0"
    base.save()
    by = Principal(user=quote.requested_by)
    refused("upstream_changed", quotes.make_quote, offer, holder=quote.holder, answers=make.answers(), by=by)
    refused("upstream_changed", quotes.require_current, quote)


def test_a_grant_to_sublicense_lifts_what_upstream_forbids(shop):
    base = make.product(make.person("maker"), "base", licence="cc-by-nc-4.0")
    model = make.product(parents=[(base, "finetune")])
    upstream = make.offer(base, use=Use.SUBLICENCE)
    by = Principal(user=model.namespace.user)
    quote = quotes.make_quote(upstream, holder=model.namespace, answers=make.answers(), by=by)
    quotes.accept_terms(quote, terms_sha256=quote.terms_sha256, authority=True, by=by)
    shop.press(checkout.start_checkout(quote, by=by))
    shop.deliver_all()
    assert make.offer(model).state == OfferState.OPEN


def test_a_repository_without_a_version_has_nothing_to_license():
    from tests.factories import hub

    refused("no_version", make.offer, hub.repository(make.person("researcher"), "empty", files={"README.md": b"# x"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"price": 0},
        {"price": 10_001},
        {"price": 490_000},
        {"price": 10**12},
        {"currency": "jpy"},
        {"term_days": 0},
        {"seats": -1},
        {"territory": ("Germany",)},
        {"terms": "   "},
        {"terms": "x\x00y"},
    ],
)
def test_offers_that_make_no_sense(changes):
    with pytest.raises(Invalid):
        make.offer(**changes)


def test_only_administrators_offer_and_withdraw():
    offer = make.offer()
    owner, stranger = offer.repository.namespace.user, make.person("stranger")
    job = principal_of(owner, scope=TokenScope.READ)
    for by in (Principal(user=stranger), job, Principal()):
        with pytest.raises(Forbidden):
            offers.create_offer(offer.repository, title="x", terms_text="x", conditions=make.conditions(), by=by)
        with pytest.raises(Forbidden):
            offers.withdraw_offer(offer, by=by)
    assert offers.withdraw_offer(offer, by=Principal(user=owner)).state == OfferState.WITHDRAWN
    refused("wrong_state", offers.withdraw_offer, offer, by=Principal(user=owner))
    refused("offer_closed", make.quote, offer)


@pytest.mark.parametrize(
    "changes",
    [{"revenue_band": RevenueBand.UNDER_100M}, {"seats": 11}, {"use": Use.SUBLICENCE}, {"country": "US"}],
)
def test_the_wrong_company(changes):
    offer = make.offer(revenue_band=RevenueBand.UNDER_10M, territory=("DE", "FR"))
    by = make.company()
    refused("not_eligible", make.quote, offer, by=by, **changes)
    assert make.quote(offer, by=by).holder.name == "acme"


def test_only_administrators_of_the_holder_buy():
    offer, admin = make.offer(), make.company()
    member = make.person("colleague")
    join(make.namespace_of("acme").organisation, member, role=Role.WRITE, by=admin)
    for by in (Principal(user=member), Principal(user=make.person("stranger")), Principal()):
        with pytest.raises(Forbidden):
            make.quote(offer, by=by)
    read_only = principal_of(admin.user, scope=TokenScope.READ)
    with pytest.raises(Forbidden):
        make.quote(offer, by=read_only)


def test_nobody_buys_from_themselves():
    offer = make.offer()
    owner = Principal(user=offer.seller.user)
    organisations.create_organisation("front", by=owner)
    for holder in ("front", offer.seller.name):
        refused("own_offer", make.quote, offer, by=owner, holder=holder)
    assert make.quote(offer, by=make.company()).holder.name == "acme"


@pytest.mark.parametrize("code", ["XX", "ZZ", "EU", "Germany", "D"])
def test_countries_exist(code):
    offer, by = make.offer(), make.company()
    with pytest.raises(Invalid, match="There is no country"):
        make.quote(offer, by=by, country=code)


def test_tax_follows_what_is_meant(settings):
    settings.TAX_COUNTRY = "DE"
    offer, by = make.offer(), make.company()
    greece = make.quote(offer, by=by, country="EL", vat_id="EL123456789")
    assert (greece.tax, greece.tax_rule) == (0, "reverse_charge")
    assert make.quote(offer, by=by, country="el").tax == 24 * EUR
    britain = make.quote(offer, by=by, country="UK", vat_id="GB123456789")
    assert (britain.tax, britain.tax_rule) == (0, "export")
    with pytest.raises(Invalid, match="not the form of a VAT id"):
        make.quote(offer, by=by, country="FR", vat_id="nonsense")


def test_tax_is_in_the_quote_where_the_operator_pays_it(settings):
    settings.TAX_COUNTRY = "DE"
    offer, by = make.offer(), make.company()
    assert make.quote(offer, by=by).total == 119 * EUR
    abroad = make.quote(offer, by=by, country="FR", vat_id="FR12345678901")
    assert (abroad.tax, abroad.tax_rule) == (0, "reverse_charge")
    with pytest.raises(Invalid):
        make.quote(offer, by=by, country="")


def test_terms_changed_by_one_byte_are_not_accepted():
    quote = make.quote()
    by = Principal(user=quote.requested_by)
    accept = {"authority": True, "by": by}
    refused("terms_changed", quotes.accept_terms, quote, terms_sha256="0" * 64, **accept)
    Offer.objects.update(terms_text=quote.offer.terms_text + " ")
    refused("terms_changed", quotes.accept_terms, quote, terms_sha256=quote.terms_sha256, **accept)
    changed = offers.text_sha256(quote.offer.terms_text + " ")
    refused("terms_changed", quotes.accept_terms, quote, terms_sha256=changed, **accept)
    assert Acceptance.objects.count() == 0


def test_acceptance_keeps_who_and_what():
    quote = make.quote()
    by = Principal(user=quote.requested_by)
    fields = {"terms_sha256": quote.terms_sha256, "by": by, "ip": "192.0.2.1", "user_agent": "x" * 400}
    with pytest.raises(Invalid):
        quotes.accept_terms(quote, authority=False, **fields)
    kept = quotes.accept_terms(quote, authority=True, **fields)
    assert (kept.user, kept.ip, kept.terms_text) == (by.user, "192.0.2.1", quote.offer.terms_text)
    assert quotes.accept_terms(quote, authority=True, **fields) == kept
    with pytest.raises(IntegrityError), transaction.atomic():
        Acceptance.objects.update(ip="192.0.2.2")


def test_nothing_is_paid_without_acceptance_or_after_expiry(shop):
    quote = make.quote()
    by = Principal(user=quote.requested_by)
    refused("not_accepted", checkout.start_checkout, quote, by=by)
    quotes.accept_terms(quote, terms_sha256=quote.terms_sha256, authority=True, by=by)
    Quote.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    refused("quote_expired", checkout.start_checkout, Quote.objects.get(), by=by)
    assert Order.objects.count() == 0


def test_an_expired_quote_is_not_accepted():
    quote = make.quote()
    Quote.objects.update(expires_at=timezone.now())
    by = Principal(user=quote.requested_by)
    refused("quote_expired", quotes.accept_terms, quote, terms_sha256=quote.terms_sha256, authority=True, by=by)


@pytest.mark.parametrize(
    ("model", "states", "moves"),
    [(Offer, OfferState, OFFER_MOVES), (Order, OrderState, ORDER_MOVES), (GrantOfUse, GrantState, GRANT_MOVES)],
)
def test_every_move_is_in_the_table(model, states, moves):
    assert set(moves) == set(states)
    for start in states:
        for end in states:
            thing = model(state=start)
            if end in moves[start]:
                move(thing, end)
                assert thing.state == end
            else:
                refused("wrong_state", move, thing, end)


def test_two_live_orders_for_a_quote_are_refused_by_the_database():
    quote = make.accepted()
    values = {"kind": "licence", "quote": quote, "holder": quote.holder, "ordered_by": quote.requested_by}
    values |= {"currency": "eur", "gross": 1, "tax": 0}
    Order.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.create(**values)
    assert connection.in_atomic_block
