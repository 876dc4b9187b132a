"""One process has loaded everything; each task gets a copy of it, and none is left over."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from hub.viewer import asking, readers
from tests.hub.viewer.test_reader import query

ENDLESS = "SELECT count(*) FROM range(1000000000000) a, range(1000000) b"


def number(told):
    (row,) = query(f"SELECT {told}")["rows"]
    return row["row"]["0"]


def waiting():
    (process,) = [one for one in psutil.Process().children() if "hub.viewer.reader" in " ".join(one.cmdline())]
    return process


def copies_end():
    """They are told to end, and not waited for."""
    deadline = time.monotonic() + 20
    while waiting().children():
        assert time.monotonic() < deadline, "a copy stays"
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def _fresh():
    readers._keeper.drop()
    yield
    readers._keeper.drop()


def test_what_is_loaded_serves_every_task_and_copies_do_not_stay():
    numbers = set()
    for _task in range(3):
        assert number(7) == 7
        numbers.add(waiting().pid)
        copies_end()
    assert len(numbers) == 1


def test_many_at_once_get_their_own():
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(number, range(16))) == list(range(16))
    copies_end()


def test_when_it_died_the_next_task_starts_another():
    number(1)
    waiting().kill()
    assert number(2) == 2


def test_a_copy_that_computes_without_end_is_stopped():
    with pytest.raises(asking.OutOfTime):
        query(ENDLESS, limits=asking.Limits(4 * 2**30, 1))
    copies_end()


def test_nothing_outlives_whoever_asked():
    code = f"from tests.hub.viewer.test_reader import query; print('asks', flush=True); query({ENDLESS!r})"
    asks = subprocess.Popen(
        [sys.executable, "-c", f"import django; django.setup(); {code}"],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test"},
        stdout=subprocess.PIPE,
    )
    try:
        assert asks.stdout.readline() == b"asks\n"
        started = psutil.Process(asks.pid)
        while len(family := started.children(recursive=True)) < 2:
            time.sleep(0.05)
    finally:
        asks.send_signal(signal.SIGKILL)
        asks.communicate()
    gone, alive = psutil.wait_procs(family, timeout=20)
    assert (len(gone), alive) == (2, [])
