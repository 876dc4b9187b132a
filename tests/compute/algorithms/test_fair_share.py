import pytest
from hypothesis import given
from hypothesis import strategies as st

from compute.algorithms.fair_share import Waiting, decayed_usage, order


def test_usage_halves_with_every_half_life():
    assert decayed_usage([(1, 100, 0.0), (1, 100, 7.0), (2, 100, 14.0)], half_life=7.0) == {1: 150.0, 2: 25.0}


def test_who_used_least_goes_first():
    waiting = [Waiting("a", 1, 10, 0), Waiting("b", 2, 10, 1)]
    assert order(waiting, {1: 500.0, 2: 5.0}) == ["b", "a"]
    assert order(waiting, {1: 5.0, 2: 500.0}) == ["a", "b"]


def test_holders_take_turns_and_keep_their_own_order():
    waiting = [Waiting(f"a{n}", 1, 10, n) for n in range(3)] + [Waiting(f"b{n}", 2, 10, 3 + n) for n in range(3)]
    assert order(waiting, {}) == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_holder_with_cheap_jobs_gets_more_turns():
    waiting = [Waiting("large", 1, 100, 0), Waiting("large2", 1, 100, 1)] + [
        Waiting(f"small{n}", 2, 40, 2 + n) for n in range(3)
    ]
    assert order(waiting, {}) == ["large", "small0", "small1", "small2", "large2"]


waiting_lists = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 100)), max_size=20).map(
    lambda pairs: [Waiting(f"j{place}", holder, cost, place) for place, (holder, cost) in enumerate(pairs)]
)


@given(waiting=waiting_lists, usage=st.dictionaries(st.integers(1, 4), st.floats(0, 1e6)))
def test_everybody_is_served_once_and_in_order_of_submission(waiting, usage):
    ordered = order(waiting, usage)
    assert sorted(ordered) == sorted(each.job for each in waiting)
    for holder in range(1, 5):
        own = [each.job for each in waiting if each.holder == holder]
        assert [job for job in ordered if job in own] == own


@pytest.mark.parametrize("age", [-1.0, 0.0])
def test_the_future_does_not_weigh_more_than_now(age):
    assert decayed_usage([(1, 10, age)]) == {1: 10.0}
