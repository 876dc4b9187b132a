from hypothesis import given
from hypothesis import strategies as st

from inference.algorithms.pricing import RATES, price

SIZES = {"width": 1024, "height": 1024, "steps": 28, "guidance": 7.0, "count": 1}


def test_a_large_picture_by_hand():
    # 1,048,576 pixels x 28 steps x 2 rows = 58,720,256; at 500 micros a million: 29,360.128, rounded up; plus 1,000.
    assert price(currency="eur", **SIZES) == 30_361


def test_without_guidance_each_step_counts_once():
    assert price(currency="eur", **SIZES | {"guidance": 1.0}) == 1_000 + 14_681


@given(
    st.sampled_from(sorted(RATES)),
    st.integers(1, 2048),
    st.integers(1, 2048),
    st.integers(1, 200),
    st.floats(0, 30),
    st.integers(1, 10),
)
def test_prices_are_positive_whole_and_grow_with_the_number_of_pictures(
    currency, width, height, steps, guidance, count
):
    one = price(currency=currency, width=width, height=height, steps=steps, guidance=guidance, count=1)
    many = price(currency=currency, width=width, height=height, steps=steps, guidance=guidance, count=count)
    assert isinstance(one, int)
    assert one > RATES[currency].picture
    assert many == count * one
