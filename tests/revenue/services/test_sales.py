import pytest
from django.utils import timezone

from common.errors import Conflict, Invalid, NotFound, PaymentRequired
from revenue.enums import AccountKind, JournalKind, SaleKind
from revenue.models import AttributionSnapshot, Entry, Journal, RevenueLine
from revenue.selectors import credit_balance
from revenue.services import credits as credits_service
from revenue.services import sales
from tests.factories import revenue as make

pytestmark = pytest.mark.django_db
UNIT = make.UNIT


def accounts() -> dict[str, int]:
    """Balances by account name, the natural way round, without those at zero."""
    sums: dict[str, int] = {}
    for entry in Entry.objects.select_related("account"):
        sign = AccountKind(entry.account.kind).sign
        sums[entry.account.name] = sums.get(entry.account.name, 0) + sign * entry.amount
    return {name: amount for name, amount in sums.items() if amount}


def refund(reference, amount, *, key="re_1", **fields):
    return sales.reverse_sale(reference, amount=amount, key=key, reason="asked", at=timezone.now(), **fields)


def test_a_licence_keeps_tax_and_fee_apart():
    buyer, maker = make.customer(), make.person()
    graph = make.model_graph(maker)
    sale = make.sale(buyer, graph=graph, gross=119 * UNIT, tax=19 * UNIT, fee=3 * UNIT)
    assert accounts() == {
        "processor_clearing": 116 * UNIT,
        "licence": 100 * UNIT,
        "tax_payable": 19 * UNIT,
        "processor_fees": 3 * UNIT,
    }
    assert set(Journal.objects.values_list("kind", flat=True)) == {JournalKind.SALE, JournalKind.FEE}
    line = sale.lines.get()
    assert (line.net, line.asset, line.snapshot.graph) == (100 * UNIT, graph.root, graph.to_json())


def test_the_same_sale_is_booked_once():
    buyer, at = make.customer(), timezone.now()
    graph = make.model_graph(make.person())
    sold = [make.sale(buyer, graph=graph, reference="order:1", at=at, fee=UNIT) for _time in range(5)]
    assert len({sale.pk for sale in sold}) == 1
    assert (Journal.objects.count(), RevenueLine.objects.count(), AttributionSnapshot.objects.count()) == (2, 1, 1)


@pytest.mark.parametrize("other", [{"gross": 99 * UNIT}, {"tax": 1}, {"fee": 1}, {"kind": SaleKind.CREDITS}])
def test_another_sale_under_the_same_reference_is_a_conflict(other):
    buyer, at = make.customer(), timezone.now()
    make.sale(buyer, reference="order:1", at=at)
    with pytest.raises(Conflict):
        make.sale(buyer, reference="order:1", **({"at": at} | other))


@pytest.mark.parametrize("amounts", [{"gross": 0}, {"gross": 10, "tax": 10}, {"tax": -1}, {"fee": -1}])
def test_amounts_that_are_none_are_refused(amounts):
    with pytest.raises(Invalid):
        make.sale(make.customer(), **amounts)


def test_credits_are_owed_until_they_are_spent():
    buyer = make.customer()
    make.sale(buyer, kind=SaleKind.CREDITS, gross=50 * UNIT)
    assert accounts() == {"processor_clearing": 50 * UNIT, "customer_credits": 50 * UNIT}
    graph = make.model_graph(make.person())
    journal = make.spend(buyer, graph=graph, amount=2 * UNIT, key="g1")
    assert make.spend(buyer, graph=graph, amount=2 * UNIT, key="g1") == journal
    assert accounts() == {"processor_clearing": 50 * UNIT, "customer_credits": 48 * UNIT, "usage": 2 * UNIT}
    assert credit_balance(buyer, "EUR") == 48 * UNIT
    assert RevenueLine.objects.get().asset == graph.root


def test_credits_that_are_not_there_cannot_be_spent():
    buyer, rich = make.customer(), make.customer()
    make.sale(rich, kind=SaleKind.CREDITS)
    make.sale(buyer, kind=SaleKind.CREDITS, gross=UNIT)
    with pytest.raises(PaymentRequired) as refusal:
        make.spend(buyer, amount=UNIT + 1)
    assert refusal.value.code == "credits_too_low"
    with pytest.raises(PaymentRequired):
        credits_service.spend(rich, amount=1, currency="usd", key="usd")
    assert credit_balance(buyer, "eur") == UNIT
    assert not RevenueLine.objects.exists()


def test_a_key_that_stands_for_other_spending_is_a_conflict():
    buyer = make.customer()
    make.sale(buyer, kind=SaleKind.CREDITS)
    make.spend(buyer, amount=5, key="g1")
    with pytest.raises(Conflict):
        make.spend(buyer, amount=6, key="g1")
    with pytest.raises(Invalid):
        make.spend(buyer, amount=0)


def test_a_full_refund_in_parts_leaves_nothing_but_the_fee():
    make.sale(make.customer(), graph=make.model_graph(make.person()), gross=119, tax=19, fee=7, reference="order:1")
    for step in range(7):
        refund("order:1", 17, key=f"re_{step}")
    assert accounts() == {"processor_clearing": -7, "processor_fees": 7}
    with pytest.raises(Conflict):
        refund("order:1", 1, key="more")


def test_a_fee_that_comes_back():
    make.sale(make.customer(), fee=7, reference="order:1")
    refund("order:1", 100 * UNIT, fee_back=7)
    assert accounts() == {}


def test_the_same_refund_is_booked_once():
    make.sale(make.customer(), reference="order:1")
    assert refund("order:1", 30) == refund("order:1", 30)
    assert RevenueLine.objects.filter(net__lt=0).count() == 1
    with pytest.raises(Conflict):
        refund("order:1", 31)


def test_a_refund_of_nothing_known_is_refused():
    with pytest.raises(NotFound):
        refund("order:404", 1)
    make.sale(make.customer(), reference="order:1")
    with pytest.raises(Conflict):
        refund("order:1", 0)


def test_refunded_credits_come_off_what_is_unspent_then_off_the_newest_use():
    buyer = make.customer()
    make.sale(buyer, kind=SaleKind.CREDITS, gross=10, reference="order:1")
    for amount in (3, 4):
        make.spend(buyer, amount=amount)
    refund("order:1", 9)
    assert credit_balance(buyer, "eur") == 0
    assert list(RevenueLine.objects.order_by("id").values_list("net", flat=True)) == [3, 4, -4, -2]
    assert accounts() == {"processor_clearing": 1, "usage": 1}
