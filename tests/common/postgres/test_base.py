"""A kept connection is looked at before it is used again."""

import time

import psycopg2
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

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


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_works_is_not_asked():
    Namespace.objects.count()
    kept = connection.connection
    next_request()
    with CaptureQueriesContext(connection) as queries:
        Namespace.objects.count()
    assert [query["sql"] for query in queries] == ['SELECT COUNT(*) AS "__count" FROM "accounts_namespace"']
    assert connection.is_usable()
    assert connection.connection is kept


def test_a_connection_that_the_server_closed_is_replaced(another):
    Namespace.objects.count()
    kept = connection.connection
    with another.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [kept.info.backend_pid])
    time.sleep(0.2)  # until the server's last words are here
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
    time.sleep(0.2)
    assert connection.is_usable()
    next_request()
    Namespace.objects.count()
    assert connection.connection is kept


def test_without_a_connection_there_is_none_to_use(transactional_db):
    connection.close()
    assert not connection.is_usable()
