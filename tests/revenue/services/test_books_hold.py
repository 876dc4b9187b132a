"""Any interleaving of sales, spending, refunds, closings, due days and awards keeps the books."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import Refusal
from revenue.enums import SaleKind
from revenue.models import Sale, ShareFreeze
from revenue.services import auditors, blocks, fees, freezes, months, pools, sales, shares
from tests.factories import revenue as make
from tests.revenue.services.test_sales import accounts

AUDITORS = [
    auditors.journals_balance,
    auditors.balances_match,
    auditors.sub_ledgers_agree,
    auditors.no_orphans,
    auditors.statements_recompute,
    auditors.chain_is_intact,
]

amount = st.integers(1, 10**9)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("licence"), amount, st.integers(0, 2)),
        st.tuples(st.just("credits"), amount, st.just(0)),
        st.tuples(st.just("spend"), amount, st.integers(0, 2)),
        st.tuples(st.just("refund"), amount, st.integers(0, 9)),
        st.tuples(st.just("fee"), st.integers(1, 10**5), st.integers(0, 9)),
        st.tuples(st.just("close"), st.just(0), st.just(0)),
        st.tuples(st.just("mature"), st.just(0), st.just(0)),
        st.tuples(st.just("grant"), st.integers(1, 10**7), st.just(0)),
        st.tuples(st.just("seal"), st.just(0), st.just(0)),
        st.tuples(st.just("freeze"), st.just(0), st.integers(0, 3)),
        st.tuples(st.just("release"), st.integers(1, 10), st.integers(0, 3)),
    ),
    min_size=3,
    max_size=18,
)


class Scene:
    """Two customers, three models of five people, and what can happen to them; each twice, as webhooks do."""

    def __init__(self):
        people = self.people = [make.person() for _number in range(5)]
        self.customers = [make.customer(), make.customer()]
        self.graphs = [
            make.model_graph(people[0], data_makers=(people[1],), name="lab/a"),
            make.model_graph(*people[1:4], data_makers=(people[4], people[0]), name="lab/b"),
            make.model_graph(name="lab/nobody"),
        ]
        self.at = timezone.now()

    def play(self, number, step):
        kind, amount, which = step
        for _time in range(2):
            with suppress(Refusal):
                getattr(self, kind)(number, amount, which)

    def licence(self, number, amount, which):
        make.sale(
            self.customers[number % 2], graph=self.graphs[which], gross=amount, tax=amount // 7, fee=amount // 30,
            reference=f"order:{number}", at=self.at,
        )  # fmt: skip

    def credits(self, number, amount, which):
        make.sale(
            self.customers[number % 2], kind=SaleKind.CREDITS, gross=amount, tax=amount // 7,
            reference=f"order:{number}", at=self.at,
        )  # fmt: skip

    def spend(self, number, amount, which):
        make.spend(self.customers[number % 2], graph=self.graphs[which], amount=amount, key=f"g{number}")

    def refund(self, number, amount, which):
        sale = Sale.objects.order_by("pk")[which : which + 1].first()
        if sale:
            back = min(amount, sale.gross)
            sales.reverse_sale(sale.reference, amount=back, key=f"re:{number}", reason="asked", at=self.at)

    def fee(self, number, amount, which):
        sale = Sale.objects.order_by("pk")[which : which + 1].first()
        if sale:
            fees.record_fee(sale.reference, amount=amount, key=f"fee:{number}", at=self.at)

    def close(self, number, amount, which):
        now = timezone.now()
        months.close_month(now.year, now.month, through=now)

    def mature(self, number, amount, which):
        shares.mature_shares(timezone.now() + timedelta(days=100))

    def grant(self, number, amount, which):
        pools.grant_from_pool(amount=amount, currency="eur", purpose="compute", reference=f"award:{number}")

    def freeze(self, number, amount, which):
        graph = self.graphs[which % 2]
        holder = self.people[3] if which == 3 else None
        freezes.freeze(f"dispute:{which}", asset=graph.root, holder_id=holder and holder.pk)

    def release(self, number, amount, which):
        with suppress(ShareFreeze.DoesNotExist):
            split = [(self.people[2].pk, 1), (self.people[4].pk, amount)] if amount > 5 else []
            freezes.release(f"dispute:{which}", split=split)

    def seal(self, number, amount, which):
        blocks.seal(size=3)

    def refund_everything(self):
        for sale in Sale.objects.order_by("pk"):
            left = sale.gross - sum(sale.reversals.values_list("amount", flat=True))
            if left:
                sales.reverse_sale(sale.reference, amount=left, key=f"all:{sale.pk}", reason="all", at=self.at)


def played(steps, then):
    """Play the steps in a transaction that is rolled back, so that every example starts empty."""
    with transaction.atomic():
        scene = Scene()
        for number, step in enumerate(steps):
            scene.play(number, step)
        then(scene)
        transaction.set_rollback(True)


def check():
    assert [violation for auditor in AUDITORS for violation in auditor()] == []


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
def test_the_books_hold_whatever_happens_in_whatever_order(steps):
    played(steps, lambda _scene: check())


@pytest.mark.django_db
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps.map(lambda steps: [step for step in steps if step[0] != "grant"]))
def test_when_everything_is_refunded_nothing_is_left_but_fees(steps):
    def refund_everything(scene):
        scene.refund_everything()
        check()
        left = accounts()
        fees = left.pop("processor_fees", 0)
        assert left == ({"processor_clearing": -fees} if fees else {})

    played(steps, refund_everything)


@pytest.mark.django_db
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.permutations([("licence", 10**8 + n, n % 3) for n in range(6)]))
def test_the_order_in_which_sales_arrive_changes_no_total(sales_in_order):
    def total(scene):
        scene.close(0, 0, 0)
        assert accounts()["revenue_share"] == sum(10**8 + n - (10**8 + n) // 7 for n in range(6)) // 10
        check()

    played(sales_in_order, total)
