from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revenue.algorithms.rounding import largest_remainder

weights = st.dictionaries(st.integers(1, 10**6), st.integers(0, 10**12), min_size=1, max_size=30).filter(
    lambda values: any(values.values())
)
totals = st.integers(0, 10**15)


@given(totals, weights)
def test_nothing_is_created_or_lost_and_everybody_is_within_one_unit(total, weights):
    parts = largest_remainder(total, weights)
    whole = sum(weights.values())
    assert sum(parts.values()) == total
    assert all(abs(parts[key] - Fraction(total * weights[key], whole)) < 1 for key in weights)


@given(totals, weights, st.randoms())
def test_the_order_of_keys_does_not_matter(total, weights, random):
    shuffled = list(weights.items())
    random.shuffle(shuffled)
    assert largest_remainder(total, dict(shuffled)) == largest_remainder(total, weights)


@given(totals, weights)
def test_more_weight_never_gets_less_and_no_weight_gets_nothing(total, weights):
    parts = largest_remainder(total, weights)
    assert all(parts[key] == 0 for key, weight in weights.items() if weight == 0)
    by_weight = {weight: [parts[k] for k, w in weights.items() if w == weight] for weight in weights.values()}
    steps = [by_weight[weight] for weight in sorted(by_weight)]
    assert all(max(low) <= min(high) for low, high in pairwise(steps))


@given(totals, weights)
def test_a_reversal_is_the_mirror(total, weights):
    there, back = largest_remainder(total, weights), largest_remainder(-total, weights)
    assert back == {key: -part for key, part in there.items()}


@pytest.mark.parametrize("weights", [{}, {"a": 0}, {"a": -1, "b": 2}])
def test_what_cannot_be_shared_is_refused(weights):
    with pytest.raises(ValueError):
        largest_remainder(1, weights)


def test_nothing_among_nobody_is_nothing():
    assert largest_remainder(0, {"a": 0}) == {"a": 0}
    assert largest_remainder(0, {}) == {}
