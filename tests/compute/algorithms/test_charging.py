import pytest
from hypothesis import given
from hypothesis import strategies as st

from compute.algorithms import charging

amounts = st.integers(0, 10**12)


@pytest.mark.parametrize(
    ("milliseconds", "rate", "expected"),
    [(0, 1, 0), (1, 1, 1), (1000, 1, 1), (1001, 1, 2), (1500, 8, 12), (1501, 8, 13)],
)
def test_a_begun_gpu_second_counts(milliseconds, rate, expected):
    assert charging.charge(milliseconds=milliseconds, rate=rate) == expected


@given(milliseconds=amounts, rate=st.integers(1, 64))
def test_a_charge_is_never_below_the_time_and_less_than_a_gpu_second_above(milliseconds, rate):
    charged = charging.charge(milliseconds=milliseconds, rate=rate)
    assert 0 <= charged * 1000 - milliseconds * rate < 1000


@given(charges=st.lists(amounts, max_size=5), reserved=amounts)
def test_nobody_pays_more_than_was_reserved(charges, reserved):
    assert charging.settlement(charges=charges, reserved=reserved) == min(sum(charges), reserved)


def test_levels_are_due_once():
    levels = (50, 80, 100)
    assert charging.notices_due(used=49, granted=100, notified=0, levels=levels) == []
    assert charging.notices_due(used=85, granted=100, notified=0, levels=levels) == [50, 80]
    assert charging.notices_due(used=85, granted=100, notified=80, levels=levels) == []
    assert charging.notices_due(used=100, granted=100, notified=80, levels=levels) == [100]
