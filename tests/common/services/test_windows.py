"""Counting requests in several processes at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from common.models import RequestCount
from common.services import windows
from common.services.windows import Windows

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands, and can be set."""
    now = [1_000_000]
    monkeypatch.setattr(windows.time, "time", lambda: now[0])
    return now


def test_a_window_lets_pass_what_its_limit_says(clock):
    one = Windows()

    asked = [one.take("a", 3, 100) for _ in range(5)]

    assert [(standing.passes, standing.left) for standing in asked] == [
        (True, 2), (True, 1), (True, 0), (False, 0), (False, 0),
    ]  # fmt: skip
    assert {standing.reset for standing in asked} == {100}
    assert one.take("b", 3, 100).passes
    clock[0] += 99
    assert one.take("a", 3, 100).reset == 1
    clock[0] += 1
    assert one.take("a", 3, 100).left == 2


def test_most_requests_cost_no_query(clock, django_assert_num_queries):
    one = Windows()

    with django_assert_num_queries(5):
        for _ in range(100):
            one.take("a", 1000, 100)
    with django_assert_num_queries(0):
        refused = Windows()
        refused._counts = {"a": windows._Count(shared=1000)}
        refused._window = (100, 10_000)
        assert not refused.take("a", 1000, 100).passes


def test_no_name_or_address_is_kept(clock):
    Windows().take("network 198.51.100.1", 1, 100)

    assert "198" not in RequestCount.objects.get().client


def test_old_windows_are_forgotten(clock):
    Windows().take("a", 1, 100)

    assert windows.forget_old(before=1_000_000) == 0
    assert windows.forget_old(before=1_000_001) == 1


def test_a_process_forgets_clients_before_it_takes_too_much_memory(clock, monkeypatch):
    monkeypatch.setattr(windows, "_MOST", 10)
    one = Windows()

    for number in range(25):
        one.take(str(number), 1000, 100)

    assert len(one._counts) <= 10


class Processes(TestCase):
    """Whoever asks where, in any order: small limits are kept exactly, others to a fiftieth for each process."""

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.integers(0, 2), max_size=60), st.sampled_from([1, 5, 20]))
    def test_small_limits_are_exact(self, order, limit):
        RequestCount.objects.all().delete()
        clock, windows.time.time = windows.time.time, lambda: 1_000_000
        try:
            processes = [Windows() for _ in range(3)]
            passed = sum(processes[number].take("a", limit, 100).passes for number in order)
        finally:
            windows.time.time = clock
        assert passed == min(len(order), limit)

    @settings(max_examples=10, deadline=None)
    @given(st.lists(st.integers(0, 2), min_size=300, max_size=300), st.sampled_from([150, 200]))
    def test_larger_limits_are_kept_nearly(self, order, limit):
        RequestCount.objects.all().delete()
        clock, windows.time.time = windows.time.time, lambda: 1_000_000
        try:
            processes = [Windows() for _ in range(3)]
            passed = sum(processes[number].take("a", limit, 100).passes for number in order)
        finally:
            windows.time.time = clock
        assert limit <= passed <= limit + 2 * (limit // 50)
