from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.algorithms.instant import InstantInputs, decide
from grants.algorithms.verdicts import AWARDED, DECLINED, PARTLY_AWARDED, WAITING_LIST

GOOD = InstantInputs(
    asked_gpu_seconds=600,
    largest_gpu_seconds=3600,
    smallest_gpu_seconds=60,
    remaining_gpu_seconds=10_000,
    abstract_characters=100,
    least_abstract_characters=80,
    publishes_openly=True,
    has_email=False,
    needs_email=False,
    open_awards=0,
    most_open_awards=2,
    reports_due=0,
)
amounts = st.integers(0, 10_000)
inputs = st.builds(
    InstantInputs,
    asked_gpu_seconds=amounts,
    largest_gpu_seconds=amounts,
    smallest_gpu_seconds=st.integers(1, 1000),
    remaining_gpu_seconds=amounts,
    abstract_characters=st.integers(0, 200),
    least_abstract_characters=st.integers(0, 200),
    publishes_openly=st.booleans(),
    has_email=st.booleans(),
    needs_email=st.booleans(),
    open_awards=st.integers(0, 3),
    most_open_awards=st.integers(0, 3),
    reports_due=st.integers(0, 2),
)


def codes(values):
    return [reason.code for reason in decide(values).reasons]


def test_a_good_proposal_gets_what_it_asks():
    verdict = decide(GOOD)
    assert (verdict.outcome, verdict.gpu_seconds) == (AWARDED, 600)


def test_less_in_the_budget_gives_less():
    verdict = decide(replace(GOOD, remaining_gpu_seconds=100))
    assert (verdict.outcome, verdict.gpu_seconds) == (PARTLY_AWARDED, 100)
    assert verdict.reasons[0].values == (("asked_gpu_seconds", 600), ("given_gpu_seconds", 100))


def test_a_spent_budget_means_the_waiting_list():
    assert decide(replace(GOOD, remaining_gpu_seconds=59)).outcome == WAITING_LIST


def test_a_small_ask_is_served_from_a_small_rest():
    verdict = decide(replace(GOOD, asked_gpu_seconds=30, remaining_gpu_seconds=40))
    assert (verdict.outcome, verdict.gpu_seconds) == (AWARDED, 30)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"asked_gpu_seconds": 0}, "asked_nothing"),
        ({"asked_gpu_seconds": 3601}, "asked_too_much"),
        ({"abstract_characters": 79}, "abstract_too_short"),
        ({"publishes_openly": False}, "not_published_openly"),
        ({"needs_email": True}, "no_email"),
        ({"open_awards": 2}, "too_many_open_awards"),
        ({"reports_due": 1}, "reports_due"),
    ],
)
def test_each_obstacle_declines_and_is_named(change, code):
    assert codes(replace(GOOD, **change)) == [code]
    assert decide(replace(GOOD, **change)).outcome == DECLINED


def test_all_obstacles_are_named_at_once():
    assert codes(replace(GOOD, publishes_openly=False, reports_due=1)) == ["not_published_openly", "reports_due"]


@given(inputs)
def test_an_award_is_within_ask_limit_and_budget(values):
    verdict = decide(values)
    gives = verdict.outcome in {AWARDED, PARTLY_AWARDED}
    assert gives == (verdict.gpu_seconds > 0)
    assert 0 <= verdict.gpu_seconds <= min(values.asked_gpu_seconds, values.remaining_gpu_seconds)
    assert verdict.gpu_seconds <= values.largest_gpu_seconds
    assert verdict.reasons


@given(inputs, amounts)
def test_more_in_the_budget_never_gives_less(values, more):
    richer = replace(values, remaining_gpu_seconds=values.remaining_gpu_seconds + more)
    assert decide(richer).gpu_seconds >= decide(values).gpu_seconds


@given(st.lists(amounts, max_size=30), amounts)
def test_a_row_of_proposals_never_overspends(asks, budget):
    left = budget
    for ask in asks:
        left -= decide(replace(GOOD, asked_gpu_seconds=ask, remaining_gpu_seconds=left)).gpu_seconds
    assert left >= 0


@given(inputs)
def test_inputs_survive_storage(values):
    assert InstantInputs.from_json(values.to_json()) == values
