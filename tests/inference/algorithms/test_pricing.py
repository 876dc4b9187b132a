import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.algorithms.pricing import RATES, price, rows_of, steps_taken
from inference.enums import Task

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


def test_heun_edits_and_redrawn_images_cost_what_is_computed():
    plain = price(currency="eur", **SIZES | {"guidance": 1.0}) - 1_000
    assert price(currency="eur", **SIZES, scheduler="heun") - 1_000 == pytest.approx(4 * plain, abs=4)
    assert price(currency="eur", **SIZES, task=Task.EDITING) - 1_000 == pytest.approx(3 * plain, abs=4)
    assert rows_of(task=Task.EDITING, guidance=7.0, image_guidance=0.5) == 1


@given(st.integers(1, 200), st.floats(0, 1), st.booleans())
def test_the_steps_of_a_redrawn_image_are_those_of_the_stock_pipelines(steps, strength, is_flow):
    taken = steps_taken(task=Task.IMAGE_TO_IMAGE, steps=steps, strength=strength, is_flow=is_flow)
    assert int(steps * strength) <= taken <= min(steps, int(steps * strength) + 1)
    assert steps_taken(task=Task.EDITING, steps=steps, strength=strength) == steps
