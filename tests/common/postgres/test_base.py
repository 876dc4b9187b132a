"""A kept connection is looked at before it is used again."""

import select

import psycopg2
import pytest
from django.db import connection

from accounts.models import Namespace


@pytest.fixture
def another(transactional_db):
    """A second connection to the same database, as an operator has one."""
    second = psycopg2.connect(**connection.get_connection_params() | {"cursor_factory": None})
    second.autocommit = True
    yield second
    second.close()


def next_request() -> None:
    """What Django does between two requests."""
    connection.health_check_done = False


def heard(kept) -> None:
    """Waits for what the server says."""
    assert select.select([kept.fileno()], [], [], 10)[0]


def test_a_connection_that_works_is_not_asked(another):
    Namespace.objects.count()
    kept = connection.connection
    assert connection.is_usable()
    with another.cursor() as cursor:
        cursor.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [kept.info.backend_pid])
        assert cursor.fetchone() == ('SELECT COUNT(*) AS "__count" FROM "accounts_namespace"',)


def test_a_connection_that_the_server_closed_is_replaced(another):
    Namespace.objects.count()
    kept = connection.connection
    with another.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [kept.info.backend_pid])
    heard(kept)
    assert not connection.is_usable()
    next_request()
    assert Namespace.objects.count() == 0
    assert connection.connection is not kept


def test_a_server_that_only_said_something_is_asked(another):
    """A notification makes the socket readable and the connection no worse."""
    with connection.cursor() as cursor:
        cursor.execute("LISTEN news")
    kept = connection.connection
    with another.cursor() as cursor:
        cursor.execute("NOTIFY news")
    heard(kept)
    assert connection.is_usable()
    next_request()
    Namespace.objects.count()
    assert connection.connection is kept


def test_without_a_connection_there_is_none_to_use(transactional_db):
    connection.close()
    assert not connection.is_usable()
