import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.principal import ANONYMOUS, Principal
from common import signing
from common.errors import Conflict, Forbidden, Invalid
from revenue.enums import SaleKind
from revenue.models import Balance, Journal, MonthClose, PeriodLock, RevenueLine, Statement
from revenue.selectors import pool_balance, shares_of
from revenue.services import months, pools, sales, shares
from tests.factories import revenue as make
from tests.revenue.services.test_sales import accounts

pytestmark = pytest.mark.django_db
UNIT = make.UNIT
SEPTEMBER, OCTOBER = datetime(2026, 9, 15, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC)


def close_now():
    now = timezone.now()
    return months.close_month(now.year, now.month, through=now)


def refund(reference, amount, key="re_1"):
    return sales.reverse_sale(reference, amount=amount, key=key, reason="asked", at=timezone.now())


def shares_by_person(*people):
    return [[(share.pending, share.due, share.claims) for share in shares_of(Principal(user=user))] for user in people]


def test_half_of_a_tenth_goes_to_creators_by_lineage():
    ada, bo = make.person(), make.person()
    make.sale(make.customer(), graph=make.model_graph(ada, data_makers=(bo,)), gross=1000 * UNIT, at=OCTOBER)
    (close,) = months.close_month(2026, 10)
    assert (close.net, close.pool, close.creators, close.awards) == (1000 * UNIT, 100 * UNIT, 50 * UNIT, 50 * UNIT)
    assert shares_by_person(ada, bo) == [[(25 * UNIT, 0, 0)], [(25 * UNIT, 0, 0)]]
    assert pool_balance("eur") == 50 * UNIT
    assert close.due_at - close.closed_through == timedelta(days=90)
    assert close.closed_through == datetime(2026, 11, 1, tzinfo=UTC) - timedelta(microseconds=1)


def test_a_statement_is_signed_and_says_all():
    ada, bo = make.person(), make.person()
    graph = make.model_graph(ada, data_makers=(bo,))
    make.sale(make.customer(), graph=graph, gross=1000 * UNIT, at=OCTOBER)
    (close,) = months.close_month(2026, 10)
    statement = Statement.objects.get(beneficiary=bo)
    body = json.loads(statement.body)
    assert body["lines"] == [
        {
            "line": RevenueLine.objects.get().pk,
            "kind": "licence",
            "asset": graph.assets[graph.root].parents[0].key,
            "role": "dataset",
            "base": 1000 * UNIT,
            "weight": 5 * 10**11,
            "amount": 25 * UNIT,
        }
    ]
    assert (body["number"], body["beneficiary"], body["pending"]) == (f"2026-10.1-eur-{bo.pk}", bo.pk, 25 * UNIT)
    assert signing.canonical(body).decode() == statement.body
    assert hashlib.sha256(statement.body.encode()).hexdigest() == statement.sha256
    assert signing.verify(statement.signature)["sha256"] == statement.sha256
    assert body["closing"]["inputs_sha256"] == close.inputs_sha256


def test_closing_again_returns_the_same_and_books_nothing():
    make.sale(make.customer(), graph=make.model_graph(make.person()), at=OCTOBER)
    first = months.close_month(2026, 10)
    before = (Journal.objects.count(), PeriodLock.objects.count(), list(Statement.objects.values("body", "signature")))
    assert months.close_month(2026, 10) == first
    assert months.close_month(2026, 10, through=OCTOBER) == first
    after = (Journal.objects.count(), PeriodLock.objects.count(), list(Statement.objects.values("body", "signature")))
    assert after == before


def test_a_running_month_is_closed_through_now_and_sells_on():
    graph, buyer = make.model_graph(make.person()), make.customer()
    make.sale(buyer, graph=graph, gross=100 * UNIT)
    first = close_now()
    assert close_now() == first
    assert PeriodLock.objects.count() == 1
    make.sale(buyer, graph=graph, gross=300 * UNIT)
    both = close_now()
    assert [(close.sequence, close.net) for close in both] == [(1, 100 * UNIT), (2, 300 * UNIT)]
    assert both[1].opened_after == both[0].closed_through


def test_a_running_month_is_not_closed_by_accident():
    now = timezone.now()
    with pytest.raises(Conflict) as refusal:
        months.close_month(now.year, now.month)
    assert refusal.value.code == "month_not_over"
    with pytest.raises(Invalid):
        months.close_month(now.year, now.month, through=now + timedelta(hours=1))
    with pytest.raises(Invalid):
        months.close_month(2026, 9, through=OCTOBER)
    with pytest.raises(Invalid):
        months.close_month(2026, 13)


def test_only_staff_close_months():
    for principal in (ANONYMOUS, Principal(user=make.person())):
        with pytest.raises(Forbidden):
            months.close_month(2026, 10, by=principal)
    assert months.close_month(2026, 10, by=make.staff()) == []
    assert PeriodLock.objects.get().closed_through.month == 10


def test_months_are_closed_in_their_order():
    make.sale(make.customer(), at=SEPTEMBER)
    with pytest.raises(Conflict) as refusal:
        months.close_month(2026, 10)
    assert (refusal.value.code, refusal.value.context["month"]) == ("earlier_month_open", "2026-09")
    months.close_month(2026, 9)
    assert months.close_month(2026, 10) == []


def test_a_payment_that_is_reported_late_counts_in_the_open_period():
    months.close_month(2026, 10)
    sale = make.sale(make.customer(), graph=make.model_graph(make.person()), at=OCTOBER)
    assert sale.at == OCTOBER
    assert sale.journal.effective > PeriodLock.objects.get().closed_through
    assert sale.journal.memo == {"paid_at": OCTOBER.isoformat()}
    assert [close.net for close in close_now()] == [100 * UNIT]


def test_currencies_never_mix():
    ada = make.person()
    graph, buyer = make.model_graph(ada), make.customer()
    make.sale(buyer, graph=graph, gross=100 * UNIT, at=OCTOBER)
    make.sale(buyer, graph=graph, gross=1000 * UNIT, currency="jpy", at=OCTOBER)
    closes = months.close_month(2026, 10)
    assert [(close.currency, close.pool) for close in closes] == [("eur", 10 * UNIT), ("jpy", 100 * UNIT)]
    assert shares_by_person(ada) == [[(5 * UNIT, 0, 0), (50 * UNIT, 0, 0)]]


def test_credits_count_when_they_are_spent_and_only_then():
    buyer, graph = make.customer(), make.model_graph(make.person())
    make.sale(buyer, kind=SaleKind.CREDITS, gross=100 * UNIT)
    assert close_now() == []
    make.spend(buyer, graph=graph, amount=40 * UNIT)
    assert [close.net for close in close_now()] == [40 * UNIT]


def test_a_refund_before_the_closing_counts_less():
    make.sale(make.customer(), graph=make.model_graph(make.person()), gross=100 * UNIT, at=OCTOBER, reference="order:1")
    refund("order:1", 60 * UNIT)
    (close,) = months.close_month(2026, 10)
    assert (close.net, close.pool) == (40 * UNIT, 4 * UNIT)


def test_a_line_refunded_wholly_before_the_closing_gives_nothing():
    make.sale(make.customer(), graph=make.model_graph(make.person()), at=OCTOBER, reference="order:1")
    refund("order:1", 100 * UNIT)
    (close,) = months.close_month(2026, 10)
    assert (close.net, close.pool, close.beneficiaries) == (0, 0, 0)
    assert not Statement.objects.exists()


def test_a_refund_after_the_closing_takes_pending_shares_back():
    ada, bo = make.person(), make.person()
    graph = make.model_graph(ada, data_makers=(bo,))
    make.sale(make.customer(), graph=graph, gross=1000 * UNIT, at=OCTOBER, reference="order:1")
    months.close_month(2026, 10)
    refund("order:1", 400 * UNIT)
    assert shares_by_person(ada, bo) == [[(15 * UNIT, 0, 0)], [(15 * UNIT, 0, 0)]]
    assert pool_balance("eur") == 30 * UNIT
    refund("order:1", 600 * UNIT, key="re_2")
    assert accounts() == {}
    assert close_now() == []


def test_shares_become_due_after_the_holdback_and_once():
    ada = make.person()
    make.sale(make.customer(), graph=make.model_graph(ada), gross=100 * UNIT, at=OCTOBER)
    (close,) = months.close_month(2026, 10)
    assert shares.mature_shares(close.due_at - timedelta(seconds=1)) == []
    assert len(shares.mature_shares(close.due_at)) == 1
    assert shares.mature_shares(close.due_at + timedelta(days=1)) == []
    assert shares_by_person(ada) == [[(0, 5 * UNIT, 0)]]


def test_a_refund_takes_due_shares_and_then_claims_later_ones():
    ada = make.person()
    graph, buyer = make.model_graph(ada), make.customer()
    make.sale(buyer, graph=graph, gross=100 * UNIT, at=SEPTEMBER, reference="order:1")
    make.sale(buyer, graph=graph, gross=20 * UNIT, at=OCTOBER, reference="order:2")
    (first,) = months.close_month(2026, 9)
    months.close_month(2026, 10)
    shares.mature_shares(first.due_at)
    assert shares_by_person(ada) == [[(UNIT, 5 * UNIT, 0)]]
    Balance.objects.get(account__name="share_due")  # it exists, so a payout could have emptied it
    refund("order:1", 100 * UNIT)
    assert shares_by_person(ada) == [[(UNIT, 0, 0)]]


def test_what_the_award_pool_has_spent_is_settled_by_later_closings():
    graph, buyer = make.model_graph(make.person()), make.customer()
    make.sale(buyer, graph=graph, gross=1000 * UNIT, reference="order:1")
    close_now()
    pools.grant_from_pool(amount=50 * UNIT, currency="eur", purpose="compute", reference="award:1")
    refund("order:1", 1000 * UNIT)
    assert accounts()["claims"] == 50 * UNIT
    make.sale(buyer, graph=graph, gross=1400 * UNIT, reference="order:2")
    close_now()
    assert pool_balance("eur") == 20 * UNIT
    assert "claims" not in accounts()


def test_leaving_or_changing_ones_name_changes_no_share():
    ada = make.person("ada")
    make.sale(make.customer(), graph=make.model_graph(ada), at=OCTOBER)
    ada.is_active, ada.full_name = False, "Somebody Else"
    ada.save()
    months.close_month(2026, 10)
    assert Statement.objects.get().beneficiary == ada
    assert "ada" not in Statement.objects.get().body


def test_awards_draw_on_the_pool_once_and_not_beyond():
    make.sale(make.customer(), gross=100 * UNIT, at=OCTOBER)
    months.close_month(2026, 10)
    assert pool_balance("eur") == 10 * UNIT  # no lineage: the creators' half goes to the pool as well
    grant = {"amount": 4 * UNIT, "currency": "EUR", "purpose": "compute", "reference": "award:1"}
    assert pools.grant_from_pool(**grant) == pools.grant_from_pool(**grant)
    pools.grant_from_pool(**(grant | {"purpose": "stipend", "reference": "award:2"}))
    assert pool_balance("eur") == 2 * UNIT
    assert accounts()["award_payable"] == accounts()["award_compute"] == 4 * UNIT
    for wrong in ({"amount": 3 * UNIT, "reference": "award:3"}, {"amount": UNIT}):
        with pytest.raises(Conflict):
            pools.grant_from_pool(**(grant | wrong))
    for wrong in ({"amount": 0}, {"purpose": "party"}):
        with pytest.raises(Invalid):
            pools.grant_from_pool(**(grant | wrong))


def test_numbers_of_closings_are_their_own_by_currency():
    buyer = make.customer()
    make.sale(buyer)
    close_now()
    make.sale(buyer, currency="usd")
    close_now()
    assert [str(close) for close in MonthClose.objects.order_by("pk")] == [
        f"{timezone.now():%Y-%m}.1 eur",
        f"{timezone.now():%Y-%m}.1 usd",
    ]


def test_a_few_thousand_lines_close_in_few_queries(django_assert_max_num_queries):
    people = [make.person() for _number in range(30)]
    graphs = [make.model_graph(people[n], data_makers=(people[-n],), name=f"lab/m{n}") for n in range(15)]
    buyer = make.customer()
    make.sale(buyer, kind=SaleKind.CREDITS, gross=10**12)
    template = make.spend(buyer, graph=graphs[0], amount=7 * UNIT)
    snapshots = [sales.keep_snapshot(graph) for graph in graphs]
    line = RevenueLine.objects.get()
    rows = [
        RevenueLine(
            kind=line.kind, effective=line.effective, currency="eur", net=UNIT + n, customer=buyer, asset=line.asset,
            snapshot=snapshots[n % 15], journal=template,
        )
        for n in range(3000)
    ]  # fmt: skip
    RevenueLine.objects.bulk_create(rows)
    with django_assert_max_num_queries(80):
        (close,) = close_now()
    assert close.beneficiaries == 30 - 1
