from hypothesis import given
from hypothesis import strategies as st

from inference.algorithms.sizes import nearest

SIDES = st.integers(1, 5000)


@given(SIDES, SIDES, st.sampled_from([1, 8, 16, 64]), st.sampled_from([128, 1000, 2048]))
def test_sizes_are_multiples_within_the_limit(width, height, unit, largest):
    for side in nearest(width, height, unit=unit, largest=largest):
        assert side % unit == 0
        assert unit <= side <= largest


def test_the_ratio_is_kept_as_far_as_may_be():
    assert nearest(3000, 1500, unit=8, largest=2048) == (2048, 1024)
    assert nearest(45, 30, unit=8, largest=2048) == (48, 32)
