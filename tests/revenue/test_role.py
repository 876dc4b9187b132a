"""The database role of production may read and add to the books, and nothing else."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from revenue.enums import SaleKind
from revenue.management.commands.ledger_role import role_sql
from revenue.services import blocks, months, sales, shares
from tests.factories import revenue as make
from tests.revenue.services.test_books_hold import check


@pytest.fixture
def as_application(db):
    """The rest of the test runs as that role; all of it is rolled back."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE wellspring_app_test")
        for statement in role_sql("wellspring_app_test"):
            cursor.execute(statement)
        cursor.execute("SET LOCAL ROLE wellspring_app_test")


def test_the_role_can_do_all_business(as_application):
    graph, buyer = make.model_graph(make.person(), data_makers=(make.person(),)), make.customer()
    make.sale(buyer, graph=graph, fee=3, tax=2, reference="order:1")
    make.sale(buyer, kind=SaleKind.CREDITS)
    make.spend(buyer, graph=graph)
    now = timezone.now()
    (close,) = months.close_month(now.year, now.month, through=now)
    sales.reverse_sale("order:1", amount=7, key="re", reason="asked", at=now)
    shares.mature_shares(close.due_at)
    blocks.seal()
    check()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE revenue_entry SET amount = 1",
        "DELETE FROM revenue_journal",
        "TRUNCATE revenue_statement",
        "UPDATE revenue_balance SET amount = 1",
        "INSERT INTO revenue_balance VALUES (1, 1)",
        "ALTER TABLE revenue_entry DISABLE TRIGGER USER",
        "DELETE FROM common_auditentry",
    ],
)
def test_the_role_cannot_touch_the_past(as_application, sql):
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(sql)


@pytest.mark.django_db
def test_the_command_prints_the_sql(capsys):
    call_command("ledger_role", 'odd"name')
    assert 'REVOKE UPDATE, DELETE, TRUNCATE ON revenue_entry FROM "odd""name";' in capsys.readouterr().out.splitlines()
