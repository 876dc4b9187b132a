"""What every test shares. The database is started by config/settings/test.py."""

import os
import time

import pytest

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
# Torch's threads spin only briefly while they wait: spinning ones make everything crawl on shared cores.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

from tests.support.s3 import place, s3_server, s3_settings, s3_site, s3_site_process  # noqa: F401 - fixtures
from tests.support.second_hub import second_hub  # noqa: F401 - fixture
from tests.support.site_server import site, site_process  # noqa: F401 - fixtures


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In continuous integration nothing is left out: a test that skips itself has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"Skipped, which CI does not allow: {report.longrepr[2]}"
    return report


def _flush_patiently():
    """A live site may be in the middle of a query when the tables are emptied; then it is tried again."""
    from django.core.management import CommandError
    from django.test import TransactionTestCase

    flush = TransactionTestCase._fixture_teardown

    def patient(self):
        for attempt in range(10):
            try:
                return flush(self)
            except CommandError:
                if attempt == 9:
                    raise
                time.sleep(0.3)
        return None

    TransactionTestCase._fixture_teardown = patient


_flush_patiently()
