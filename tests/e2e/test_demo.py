"""`make demo` itself: every step of the loop, through the doors that users use."""

import json
import subprocess
import sys
import urllib.request

import pytest

from tests.e2e.conftest import PROJECT, clean_environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_every_step_of_the_loop_is_ok(demo_site):
    assert [step["step"] for step in demo_site.report["steps"] if not step["ok"]] == [], demo_site.log[-6000:]
    assert len(demo_site.report["steps"]) == demo_site.report["expected"] == 11


def test_the_demo_prints_a_table_and_the_log_ins(demo_site):
    for name in ("researcher", "reviewer", "maker", "buyer", "steward"):
        assert demo_site.password(name) in demo_site.log
    assert "in all" in demo_site.log


def test_the_site_stays_up_and_the_books_balance(demo_site):
    with urllib.request.urlopen(f"{demo_site.url}/health") as answer:
        assert json.load(answer) == {"status": "ok"}
    environment = clean_environment() | {"WELLSPRING_DATA": str(demo_site.data)}
    done = subprocess.run(
        [sys.executable, "manage.py", "audit"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_site_on_the_same_data_is_refused(demo_site):
    command = [sys.executable, "-m", "config.supervisor", "--data", str(demo_site.data)]
    done = subprocess.run(command, cwd=PROJECT, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Another Wellspring already runs" in done.stderr
    assert (demo_site.data / "site.env").exists()
