"""Real connections, real threads, a real kill: PostgreSQL decides who comes first."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from common.errors import Refusal
from revenue.enums import SaleKind
from revenue.models import Balance, ClosedLine, Journal, MonthClose, RevenueLine, Sale
from revenue.selectors import credit_balance
from revenue.services import blocks, months, pools, sales
from tests.factories import revenue as make
from tests.revenue.services.test_books_hold import check

pytestmark = pytest.mark.django_db(transaction=True)
UNIT = make.UNIT


def together(*functions):
    """Run all at once, each on a connection of its own; returns results, refusals and errors in order."""
    results = [None] * len(functions)
    start = threading.Barrier(len(functions))

    def work(number):
        try:
            start.wait()
            results[number] = functions[number]()
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_one_webhook_delivered_six_times_at_once_books_once():
    buyer, at = make.customer(), timezone.now()
    graph = make.model_graph(make.person())
    sold = together(*[lambda: make.sale(buyer, graph=graph, reference="order:1", at=at, fee=UNIT)] * 6)
    assert {sale.pk for sale in sold} == {Sale.objects.get().pk}
    back = together(*[lambda: sales.reverse_sale("order:1", amount=UNIT, key="re_1", reason="asked", at=at)] * 6)
    assert len({journal.pk for journal in back}) == 1
    check()


def test_ten_spend_at_once_and_only_what_is_there_is_spent():
    buyer = make.customer()
    make.sale(buyer, kind=SaleKind.CREDITS, gross=6 * UNIT)
    spent = together(*[lambda n=n: make.spend(buyer, key=f"g{n}") for n in range(10)])
    assert sum(isinstance(result, Journal) for result in spent) == 6
    assert sum(isinstance(result, Refusal) for result in spent) == 4
    assert credit_balance(buyer, "eur") == 0
    check()


def test_refunds_at_once_never_give_back_more_than_came_in():
    make.sale(make.customer(), gross=100 * UNIT, reference="order:1")
    back = together(
        *[
            lambda n=n: sales.reverse_sale(
                "order:1", amount=30 * UNIT, key=f"re_{n}", reason="asked", at=timezone.now()
            )
            for n in range(6)
        ]
    )
    assert sum(isinstance(result, Journal) for result in back) == 3
    check()


def test_closings_and_sealings_among_sales_lose_no_line():
    buyer = make.customer()
    graph = make.model_graph(make.person())
    now = timezone.now()

    def close():
        moment = timezone.now()
        return months.close_month(moment.year, moment.month, through=moment)

    def sell(number):
        for part in range(4):
            make.sale(buyer, graph=graph, gross=UNIT, reference=f"order:{number}:{part}")

    errors = together(*[lambda n=n: sell(n) for n in range(4)], close, close, blocks.seal, close)
    assert [error for error in errors if isinstance(error, Exception)] == []
    months.close_month(now.year, now.month, through=timezone.now())
    blocks.seal()
    assert ClosedLine.objects.count() == RevenueLine.objects.count() == 16
    assert sum(MonthClose.objects.values_list("net", flat=True)) == 16 * UNIT
    check()


def test_two_awards_at_once_cannot_both_have_the_last_of_the_pool():
    make.sale(make.customer(), gross=100 * UNIT)
    now = timezone.now()
    months.close_month(now.year, now.month, through=now)
    won = together(
        *[
            lambda n=n: pools.grant_from_pool(
                amount=6 * UNIT, currency="eur", purpose="compute", reference=f"award:{n}"
            )
            for n in range(4)
        ]
    )
    assert sum(isinstance(result, Journal) for result in won) == 1
    assert Balance.objects.get(account__name="award_pool").amount == 4 * UNIT
    check()


@pytest.mark.parametrize("moment", ["sale", "close"])
def test_a_process_killed_in_the_middle_leaves_nothing_behind(moment):
    """kill -9 after the entries are written and before the commit: the books are as before."""
    buyer = make.customer()
    make.sale(buyer, graph=make.model_graph(make.person()), reference="order:1")
    before = (Journal.objects.count(), RevenueLine.objects.count(), ClosedLine.objects.count())
    program = f"""
import django; django.setup()
import os, signal
from django.db import transaction
from django.utils import timezone
from accounts.models import Namespace
from revenue.enums import SaleKind
from revenue.models import Journal
from revenue.services import months, sales
with transaction.atomic():
    now = timezone.now()
    if {moment!r} == "sale":
        buyer = Namespace.objects.get(name={buyer.name!r})
        sales.record_sale(reference="order:2", kind=SaleKind.LICENCE, customer=buyer, currency="eur",
                          gross=5, tax=0, fee=0, at=now)
    else:
        months.close_month(now.year, now.month, through=now)
    assert Journal.objects.count() > {before[0]}
    print("written", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], env=_environment(), capture_output=True, check=False)
    assert (done.stdout, done.returncode) == (b"written\n", -signal.SIGKILL), done.stderr.decode()
    assert (Journal.objects.count(), RevenueLine.objects.count(), ClosedLine.objects.count()) == before
    check()
    make.sale(buyer, reference="order:2", gross=5)  # no lock is left behind either
    check()


def _environment():
    values = connection.settings_dict
    url = f"postgresql://{values['USER']}:{values['PASSWORD']}@{values['HOST']}:{values['PORT']}/{values['NAME']}"
    return os.environ | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "PYTHONPATH": str(settings.PROJECT),
    }
