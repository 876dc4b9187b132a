"""What PostgreSQL itself refuses, and what the writer says about it."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from common.errors import Conflict, Invalid
from revenue.enums import AccountName, JournalKind
from revenue.models import Account, Balance, Entry, Journal, PeriodLock
from revenue.services import ledger
from revenue.services.ledger import BalanceTooLow, Leg, PeriodClosed, Place, credit, debit

pytestmark = pytest.mark.django_db


def post(key="k", *, amount=10, **fields):
    legs = [debit(ledger.CLEARING, amount), credit(ledger.AWARD_POOL, amount)]
    return ledger.post(key, **({"kind": JournalKind.SALE, "currency": "eur", "legs": legs} | fields))


@contextmanager
def refused(words):
    with pytest.raises(DatabaseError, match=words), transaction.atomic():
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def run(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def journal_row(legs=2, **fields):
    values = {"key": "raw", "kind": "sale", "effective": timezone.now(), "legs": legs, "content": "0" * 64} | fields
    return Journal.objects.create(**values)


def entry(journal, amount, account=None, currency="eur"):
    account = account or Account.objects.get(name=AccountName.CLEARING, currency="eur")
    return Entry(journal=journal, account=account, amount=amount, currency=currency)


def test_a_journal_and_its_entries():
    journal = post(memo={"why": "test"}, by="ada")
    assert [(e.account.code, e.amount, e.currency) for e in journal.entries.order_by("id")] == [
        ("processor_clearing", 10, "eur"),
        ("award_pool", -10, "eur"),
    ]
    assert Balance.objects.get().amount == 10


def test_the_same_key_with_the_same_content_returns_the_old_journal():
    assert post() == post()
    assert Journal.objects.count() == 1
    assert Balance.objects.get().amount == 10


@pytest.mark.parametrize(
    "other",
    [{"amount": 11}, {"kind": JournalKind.FEE}, {"currency": "usd"}, {"memo": {"x": 1}}, {"effective": timezone.now()}],
)
def test_the_same_key_with_other_content_is_a_conflict(other):
    post()
    with pytest.raises(Conflict):
        post(**other)


@pytest.mark.parametrize("amounts", [[], [1], [1, -2], [0, 0]])
def test_unbalanced_legs_are_refused_before_they_are_written(amounts):
    with pytest.raises(Invalid):
        post(legs=[Leg(ledger.CLEARING, amount) for amount in amounts])
    assert not Journal.objects.exists()


def test_a_guarded_account_stays_at_zero_or_above():
    post(amount=10)
    with pytest.raises(BalanceTooLow):
        post("k2", legs=[debit(ledger.AWARD_POOL, 11), credit(ledger.AWARD_COMPUTE, 11)])
    assert Balance.objects.get().amount == 10
    assert Journal.objects.count() == 1


def test_an_account_that_is_first_drawn_on_is_refused_as_well():
    with pytest.raises(BalanceTooLow):
        post(legs=[debit(ledger.AWARD_POOL, 1), credit(ledger.AWARD_COMPUTE, 1)])


def test_accounts_of_other_currencies_are_other_accounts():
    post(amount=10)
    with pytest.raises(BalanceTooLow):
        post("k2", currency="usd", legs=[debit(ledger.AWARD_POOL, 5), credit(ledger.AWARD_COMPUTE, 5)])


TABLES = [model._meta.db_table for model in apps.get_app_config("revenue").get_models() if model is not Balance]


@pytest.mark.parametrize("table", TABLES)
def test_nothing_is_changed_deleted_or_emptied(table):
    post()
    with connection.cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
        column = cursor.fetchone()[0]
    with refused("append-only: UPDATE"):
        run(f"UPDATE {table} SET {column} = {column}")
    with refused("append-only: DELETE"):
        run(f"DELETE FROM {table}")
    with refused("append-only: TRUNCATE"):
        run("SET CONSTRAINTS ALL IMMEDIATE")
        run("SET LOCAL wellspring.allow_truncate = off")
        run(f"TRUNCATE {table} CASCADE")


def test_balances_have_no_other_writer_than_the_entries():
    post()
    for sql in ["UPDATE revenue_balance SET amount = 99", "DELETE FROM revenue_balance"]:
        with refused("balances follow the entries"):
            run(sql)
    free = Account.objects.get(name=AccountName.CLEARING)
    with refused("balances follow the entries"):
        run("INSERT INTO revenue_balance (account_id, amount) VALUES (%s, 1)", free.pk)


def test_raw_rows_that_do_not_balance_are_refused():
    post()
    with refused("does not balance"):
        journal = journal_row()
        Entry.objects.bulk_create([entry(journal, 5), entry(journal, -4)])


def test_raw_rows_that_balance_only_over_currencies_are_refused():
    post()
    post("usd", currency="usd")
    dollars = Account.objects.get(name=AccountName.CLEARING, currency="usd")
    with refused("does not balance"):
        journal = journal_row()
        Entry.objects.bulk_create([entry(journal, 5), entry(journal, -5, dollars, "usd")])


def test_an_entry_in_another_currency_than_its_accounts_is_refused():
    post()
    with refused("entry_currency_is_the_accounts"):
        journal = journal_row()
        Entry.objects.bulk_create([entry(journal, 5, currency="usd"), entry(journal, -5, currency="usd")])


@pytest.mark.parametrize("amounts", [[], [5, -5]])
def test_a_journal_with_fewer_legs_than_declared_is_refused(amounts):
    post()
    with refused("declares 3 legs"):
        journal = journal_row(legs=3)
        Entry.objects.bulk_create([entry(journal, amount) for amount in amounts])


def test_a_complete_journal_takes_no_more_legs():
    journal = post()
    with refused("all its legs already"):
        Entry.objects.bulk_create([entry(journal, 5), entry(journal, -5)])


def test_an_entry_of_nothing_is_refused():
    post()
    with refused("ledger_entry_moves_something"):
        Entry.objects.bulk_create([entry(journal_row(), 0)])


def test_a_reversal_is_the_mirror_and_comes_once():
    journal = post()
    back = ledger.reverse(journal, key="back", reason="mistake")
    assert back.reverses == journal
    assert Balance.objects.get().amount == 0
    assert ledger.reverse(journal, key="back", reason="mistake") == back
    with pytest.raises(Conflict):
        ledger.reverse(journal, key="again", reason="mistake")


def test_a_reversal_keeps_the_accounts_of_persons_and_references():
    payable = ledger.award_payable("award:7")
    post()
    journal = post("k2", legs=[debit(ledger.AWARD_POOL, 4), credit(payable, 4)])
    ledger.reverse(journal, key="back", reason="declined")
    assert Balance.objects.get(account__code=payable.code).amount == 0


def test_a_reversal_that_is_no_mirror_is_refused():
    journal = post()
    with refused("not the mirror"):
        half = journal_row(reverses=journal)
        Entry.objects.bulk_create([entry(half, -5), entry(half, 5, Account.objects.get(name=AccountName.AWARD_POOL))])


def test_a_closed_period_takes_nothing():
    lock = timezone.now()
    PeriodLock.objects.create(closed_through=lock)
    for moment in (lock, lock - timedelta(days=40)):
        with pytest.raises(PeriodClosed):
            post(effective=moment)
        with refused("is closed"):
            journal_row(effective=moment)
    assert post(effective=lock + timedelta(microseconds=1))


def test_a_period_lock_never_moves_back():
    lock = timezone.now()
    PeriodLock.objects.create(closed_through=lock)
    with refused("closed beyond"):
        PeriodLock.objects.create(closed_through=lock - timedelta(days=1))


def test_what_comes_late_counts_now():
    lock = timezone.now() + timedelta(seconds=5)  # the clock of another machine was ahead
    PeriodLock.objects.create(closed_through=lock)
    assert ledger.open_moment(lock - timedelta(days=3)) == lock + timedelta(microseconds=1)
    later = lock + timedelta(days=1)
    assert ledger.open_moment(later) == later
    assert post().effective > lock


def test_codes_name_whom_an_account_belongs_to():
    assert Place(AccountName.PENDING, holder_id=7, close_id=3).code == "share_pending:7:3"
    assert ledger.award_payable("award:7").code == "award_payable:award:7"
    assert ledger.claims(None).code == "claims"
