"""The proof proves something: each kind of damage, done behind the triggers' back, is found and named."""

from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from revenue.enums import SaleKind
from revenue.models import HashBlock
from revenue.services import auditors, blocks, months, pools
from tests.factories import revenue as make
from tests.revenue.services.test_books_hold import AUDITORS

UNIT = make.UNIT


@contextmanager
def behind_the_triggers(*tables):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        try:
            yield cursor
        finally:  # in a test that commits, the next one must find them again
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in tables:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


@pytest.fixture
def books(db):
    graph, buyer = make.model_graph(make.person(), data_makers=(make.person(),)), make.customer()
    make.sale(buyer, graph=graph, gross=119 * UNIT, tax=19 * UNIT, fee=UNIT)
    make.sale(buyer, kind=SaleKind.CREDITS)
    make.spend(buyer, graph=graph)
    now = timezone.now()
    months.close_month(now.year, now.month, through=now)
    pools.grant_from_pool(amount=UNIT, currency="eur", purpose="compute", reference="award:1")
    blocks.seal(size=2)


def findings():
    return {auditor.__name__ for auditor in AUDITORS if auditor()}


def test_sound_books_have_no_violations(books):
    assert findings() == set()
    assert HashBlock.objects.count() == 3


@pytest.mark.parametrize(
    ("table", "sql", "found"),
    [
        (
            "revenue_entry",
            "UPDATE revenue_entry SET amount = amount + 1 WHERE id = (SELECT min(id) FROM revenue_entry)",
            {"journals_balance", "chain_is_intact", "sub_ledgers_agree"},
        ),
        ("revenue_balance", "UPDATE revenue_balance SET amount = amount + 1", {"balances_match"}),
        ("revenue_journal", "UPDATE revenue_journal SET memo = '{}'", {"chain_is_intact"}),
        ("revenue_hashblock", "DELETE FROM revenue_hashblock WHERE sequence = 2", {"chain_is_intact"}),
        ("revenue_hashblock", "UPDATE revenue_hashblock SET signature = 'x' WHERE sequence = 2", {"chain_is_intact"}),
        ("revenue_sale", "UPDATE revenue_sale SET gross = gross + 1", {"sub_ledgers_agree"}),
        ("revenue_statement", "UPDATE revenue_statement SET body = body || ' '", {"statements_recompute"}),
        ("revenue_statement", "UPDATE revenue_statement SET sha256 = repeat('0', 64)", {"statements_recompute"}),
        ("revenue_statement", "DELETE FROM revenue_statement", {"statements_recompute"}),
        (
            "revenue_shareallocation",
            "UPDATE revenue_shareallocation SET amount = amount + 1 WHERE beneficiary_id IS NOT NULL",
            {"statements_recompute", "sub_ledgers_agree"},
        ),
        (
            "revenue_revenueline",
            "UPDATE revenue_revenueline SET net = net + 1 WHERE kind = 'usage'",
            {"sub_ledgers_agree"},
        ),
        ("revenue_closedline", "UPDATE revenue_closedline SET base = base + 100", {"statements_recompute"}),
    ],
)
def test_damage_is_found(books, table, sql, found):
    with behind_the_triggers(table) as cursor:
        cursor.execute(sql)
    assert findings() == found


def test_a_journal_without_its_record_is_found(books):
    from revenue.enums import JournalKind
    from revenue.services import ledger

    legs = [ledger.debit(ledger.CLEARING, 1), ledger.credit(ledger.LICENCE, 1)]
    ledger.post("stray", kind=JournalKind.SALE, currency="eur", legs=legs)
    assert findings() == {"no_orphans", "sub_ledgers_agree"}
    assert auditors.no_orphans() == ["Journal stray belongs to nothing."]


@pytest.mark.django_db(transaction=True)
def test_the_command_says_whether_the_books_hold(capsys):
    make.sale(make.customer(), reference="order:1")
    try:
        call_command("audit")
    except SystemExit:
        pytest.fail(capsys.readouterr().out)
    with pytest.raises((CommandError, SystemExit)), behind_the_triggers("revenue_sale") as cursor:
        cursor.execute("UPDATE revenue_sale SET gross = gross + 1")
        call_command("audit")
