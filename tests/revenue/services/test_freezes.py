from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.principal import Principal
from common.errors import Conflict
from revenue.models import FrozenShare, Journal, ShareRelease, Statement
from revenue.selectors import shares_of
from revenue.services import freezes, months, sales, shares
from tests.factories import revenue as make
from tests.revenue.services.test_books_hold import check

pytestmark = pytest.mark.django_db
UNIT = make.UNIT


def close_now():
    now = timezone.now()
    return months.close_month(now.year, now.month, through=now)


def standing(*people):
    """Pending, held and due in whole units; to repay must be nothing."""
    rows = []
    for person in people:
        found = shares_of(Principal(user=person))
        assert all(share.claims == 0 for share in found)
        rows.append(tuple(sum(getattr(one, name) for one in found) // UNIT for name in ("pending", "frozen", "due")))
    return rows


@pytest.fixture
def people():
    return [make.person() for _number in range(3)]


@pytest.fixture
def graph(people):
    return make.model_graph(people[0], people[1])


def sell(graph, reference="order:f"):
    make.sale(make.customer(), graph=graph, gross=1000 * UNIT, reference=reference)


def test_what_is_held_does_not_fall_due_and_is_given_back(people, graph):
    ada, bo, _eve = people
    sell(graph)
    close_now()
    for _time in range(2):
        freezes.freeze("dispute:1", asset=graph.root, holder_id=ada.pk)
    assert standing(ada, bo) == [(0, 25, 0), (25, 0, 0)]
    shares.mature_shares(timezone.now() + timedelta(days=100))
    assert standing(ada, bo) == [(0, 25, 0), (0, 0, 25)]
    for _time in range(2):
        freezes.release("dispute:1")
    shares.mature_shares(timezone.now() + timedelta(days=100))
    assert standing(ada, bo) == [(0, 0, 25), (0, 0, 25)]
    check()


def test_a_decision_gives_it_to_others_and_takes_refunds_from_them(people, graph):
    ada, bo, eve = people
    sell(graph)
    freezes.freeze("dispute:1", asset=graph.root)
    close_now()
    assert standing(ada, bo, eve) == [(0, 25, 0), (0, 25, 0), (0, 0, 0)]
    assert '"frozen":25000000' in Statement.objects.get(beneficiary=ada).body
    assert '"pending":0' in Statement.objects.get(beneficiary=ada).body
    freezes.release("dispute:1", split=[(eve.pk, 1), (ada.pk, 1)])
    assert standing(ada, bo, eve) == [(25, 0, 0), (0, 0, 0), (25, 0, 0)]
    sales.reverse_sale("order:f", amount=500 * UNIT, key="re", reason="asked", at=timezone.now())
    assert standing(ada, bo, eve) == [(12, 0, 0), (0, 0, 0), (12, 0, 0)]
    check()


def test_what_was_sold_before_the_decision_and_closed_after_it_follows_it(people, graph):
    ada, bo, eve = people
    freezes.freeze("dispute:1", asset=graph.root, holder_id=bo.pk)
    sell(graph)
    freezes.release("dispute:1", split=[(eve.pk, 1)])
    close_now()
    assert standing(ada, bo, eve) == [(25, 0, 0), (0, 0, 0), (25, 0, 0)]
    sell(graph, "order:later")
    close_now()
    assert standing(ada, bo, eve) == [(50, 0, 0), (25, 0, 0), (25, 0, 0)]
    check()


def test_a_refund_of_held_money_is_taken_from_what_is_held(people, graph):
    ada, bo, _eve = people
    sell(graph)
    close_now()
    freezes.freeze("dispute:1", asset=graph.root)
    sales.reverse_sale("order:f", amount=1000 * UNIT, key="re", reason="asked", at=timezone.now())
    freezes.release("dispute:1")
    assert standing(ada, bo) == [(0, 0, 0), (0, 0, 0)]
    check()


def test_another_dispute_keeps_holding(people, graph):
    ada, bo, _eve = people
    sell(graph)
    close_now()
    freezes.freeze("dispute:1", asset=graph.root, holder_id=ada.pk)
    freezes.freeze("dispute:2", asset=graph.root)
    freezes.release("dispute:1")
    assert standing(ada, bo) == [(0, 25, 0), (0, 25, 0)]
    freezes.release("dispute:2")
    assert standing(ada, bo) == [(25, 0, 0), (25, 0, 0)]
    check()


def test_only_what_a_certain_model_earns_is_held(people):
    ada, bo, _eve = people
    graph = make.model_graph(ada, data_makers=(bo,))
    data = graph.assets[graph.root].parents[0].key
    sell(graph)
    close_now()
    freezes.freeze("dispute:1", asset=data, sold="model:other/one@0")
    assert standing(bo) == [(25, 0, 0)]
    freezes.freeze("dispute:2", asset=data, sold=graph.root)
    assert standing(ada, bo) == [(25, 0, 0), (0, 25, 0)]


def test_a_key_stands_for_one_thing(people, graph):
    freezes.freeze("dispute:1", asset=graph.root)
    with pytest.raises(Conflict):
        freezes.freeze("dispute:1", asset="model:other/one@0")
    freezes.release("dispute:1")
    with pytest.raises(Conflict):
        freezes.release("dispute:1", split=[(people[0].pk, 1)])
    assert Journal.objects.count() == 0


@pytest.mark.parametrize("change", ["update", "delete"])
def test_rows_are_only_added(people, graph, change):
    sell(graph)
    close_now()
    freezes.freeze("dispute:1", asset=graph.root)
    for rows in (FrozenShare.objects.all(), ShareRelease.objects.all()):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(freeze_id=1) if change == "update" else rows._raw_delete(rows.db)
