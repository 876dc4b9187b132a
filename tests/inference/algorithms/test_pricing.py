from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from inference.algorithms.pricing import RATES, price, rounds, steps_taken
from inference.algorithms.profiles import Profile
from inference.algorithms.samplers import Pace
from inference.enums import Task

SIZES = {"width": 1024, "height": 1024, "count": 1}
ASKED = {"task": Task.TEXT_TO_IMAGE, "steps": 28, "guidance": 7.0}
PLAIN = Profile("StableDiffusionPipeline", 512, 512, 8, 50, 7.5)


def test_a_large_picture_by_hand():
    # 1,048,576 pixels x 28 steps x 2 rows = 58,720,256; at 500 micros a million: 29,360.128, rounded up; plus 1,000.
    assert price(currency="eur", **SIZES, rounds=rounds(PLAIN, **ASKED)) == 30_361


def test_what_is_computed_in_a_picture():
    assert rounds(PLAIN, **ASKED | {"guidance": 1.0}) == 28
    assert rounds(PLAIN, **ASKED, scheduler="heun") == 2 * 55
    assert rounds(PLAIN, **ASKED, scheduler="pndm") == 2 * 29
    assert rounds(replace(PLAIN, takes_negative_prompt=False), **ASKED) == 28
    assert rounds(replace(PLAIN, pace=Pace.TWICE), **ASKED) == 2 * 55
    assert rounds(PLAIN, **ASKED | {"task": Task.IMAGE_TO_IMAGE}, strength=0.5) == 2 * 14
    assert [rounds(PLAIN, **ASKED | {"task": Task.EDITING}, image_guidance=by) for by in (1.5, 0.5)] == [84, 28]


@given(
    st.sampled_from(sorted(RATES)),
    st.integers(1, 2048),
    st.integers(1, 2048),
    st.integers(1, 1200),
    st.integers(1, 10),
)
def test_prices_are_positive_whole_and_grow_with_the_number_of_pictures(currency, width, height, number, count):
    one = price(currency=currency, width=width, height=height, rounds=number, count=1)
    many = price(currency=currency, width=width, height=height, rounds=number, count=count)
    assert isinstance(one, int)
    assert one > RATES[currency].picture
    assert many == count * one


@given(st.integers(1, 200), st.floats(0, 1), st.booleans())
def test_the_steps_of_a_redrawn_image_are_those_of_the_stock_pipelines(steps, strength, is_flow):
    taken = steps_taken(task=Task.IMAGE_TO_IMAGE, steps=steps, strength=strength, is_flow=is_flow)
    assert int(steps * strength) <= taken <= min(steps, int(steps * strength) + 1)
    assert steps_taken(task=Task.EDITING, steps=steps, strength=strength) == steps
