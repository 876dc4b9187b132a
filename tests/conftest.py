"""What every test shares. The database is started by config/settings/test.py."""

import os
import signal
import time

import pytest
from django.test import TransactionTestCase

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a shell: what tests start would ignore Ctrl-C too, by which they stop it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
# Torch's threads spin only briefly while they wait: spinning ones make everything crawl on shared cores.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")
# The cores run tests beside each other: torch with a thread for each core in every process waits for itself.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.support.migrated import migrated_database
from tests.support.s3 import place, s3_server, s3_settings, s3_site, s3_site_process  # noqa: F401 - fixtures
from tests.support.second_hub import second_hub  # noqa: F401 - fixture
from tests.support.site_server import site, site_process  # noqa: F401 - fixtures


def _is_end_to_end(path):
    return path.startswith("tests/e2e/")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The longest come first, so that no core waits for them at the end."""
    items.sort(key=lambda item: not _is_end_to_end(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file stays in one process, and all of tests/e2e, which shares one demo."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return "tests/e2e" if _is_end_to_end(nodeid) else super()._split_scope(nodeid)

    return ByFile(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In continuous integration nothing is left out: a test that skips itself has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"Skipped, which CI does not allow: {report.longrepr[2]}"
    return report


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings):
    """The test database begins as a copy of one in which all migrations ran."""
    from django.db import connection

    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    connection.settings_dict["TEST"]["TEMPLATE"] = migrated_database(server)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The test database, and beside it a copy of the rows that migrations made."""
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_namespace WHERE nspname = 'made_by_migrations'")
        if cursor.fetchone() is not None:
            return  # a database that is used again (--reuse-db)
        cursor.execute("CREATE SCHEMA made_by_migrations")
        for name in _filled(cursor):
            cursor.execute(f'CREATE TABLE made_by_migrations."{name}" AS TABLE public."{name}"')


def _filled(cursor, schema="public"):
    cursor.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE'"
        " AND table_name <> 'django_migrations'",
        [schema],
    )
    asking = [f"SELECT '{name}' WHERE EXISTS (SELECT FROM {schema}.\"{name}\")" for (name,) in cursor.fetchall()]
    cursor.execute(" UNION ALL ".join(asking))
    return [name for (name,) in cursor.fetchall()]


def _empty_tables(test):
    """After a test that committed: all tables are as after the migrations, whatever test comes next."""
    from django.db import OperationalError, connection, transaction

    for attempt in range(10):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                filled = ", ".join(f'"{name}"' for name in _filled(cursor))
                cursor.execute(f"TRUNCATE {filled} CASCADE")
                for name in _filled(cursor, "made_by_migrations"):
                    cursor.execute(f'INSERT INTO "{name}" SELECT * FROM made_by_migrations."{name}"')
            return
        except OperationalError:  # a live site may be in the middle of a query
            if attempt == 9:
                raise
            time.sleep(0.3)


TransactionTestCase._fixture_teardown = _empty_tables
