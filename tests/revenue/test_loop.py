"""A sale, credits, a closing, an award, a refund: the books hold at every step."""

import pytest
from django.utils import timezone

from common.services.auditing import _auditors
from revenue.enums import SaleKind
from revenue.selectors import credit_balance, pool_balance, public_books
from revenue.services import blocks, months, pools, sales, shares
from tests.factories import revenue as make

UNIT = make.UNIT


def violations():
    import revenue.services.auditors

    return [v for name, f in _auditors.items() if name.startswith("revenue") for v in f()]


@pytest.mark.django_db
def test_loop():
    ada, bo = make.person(), make.person()
    buyer = make.customer()
    graph = make.model_graph(ada, data_makers=(bo,))
    make.sale(buyer, graph=graph, gross=1190 * UNIT, tax=190 * UNIT, fee=30 * UNIT, reference="order:1")
    make.sale(buyer, kind=SaleKind.CREDITS, gross=50 * UNIT, reference="order:2")
    make.spend(buyer, graph=graph, amount=10 * UNIT)
    assert credit_balance(buyer, "eur") == 40 * UNIT
    now = timezone.now()
    closes = months.close_month(now.year, now.month, by=make.staff(), through=now)
    assert violations() == []
    assert [(c.net, c.pool, c.creators, c.awards) for c in closes] == [(1010 * UNIT, 101 * UNIT, 50_500_000, 50_500_000)]
    pools.grant_from_pool(amount=50 * UNIT, currency="eur", purpose="compute", reference="award:1", by=None)
    assert pool_balance("eur") == 500_000
    sales.reverse_sale("order:1", amount=1190 * UNIT, key="re_1", reason="asked", at=timezone.now())
    sales.reverse_sale("order:2", amount=50 * UNIT, key="re_2", reason="asked", at=timezone.now())
    assert violations() == []
    blocks.seal()
    assert violations() == []
    print(public_books())
