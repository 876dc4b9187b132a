import pytest

from inference.algorithms.pricing import price, sound_price
from inference.algorithms.sounds import MOST_SAMPLES, sound_facts
from inference.enums import Task
from tests.inference.algorithms.test_profiles import profile

NETWORK = {"sample_size": 2048, "sample_rate": 4000, "out_channels": 1, "up_block_types": ["Up"] * 4}
FILES = {"model_index.json": {"_class_name": "DanceDiffusionPipeline", "unet": ["diffusers", "X"]}}


def test_length_and_its_bounds_follow_from_the_network():
    found = profile(FILES | {"unet/config.json": NETWORK})
    assert (found.tasks, found.samplers, found.steps) == ((Task.SOUND,), (), 100)
    assert found.sound.to_json() == {
        "sample_rate": 4000,
        "channels": 1,
        "seconds": 0.512,
        "shortest": 0.012,
        "longest": 4.096,
    }
    assert [found.sound.computed(seconds) for seconds in (0.512, 0.5121, 0.012)] == [2048, 2064, 48]


def test_the_card_may_name_better_steps():
    card = {"inference": {"parameters": {"num_inference_steps": 25}}}
    assert profile(FILES | {"unet/config.json": NETWORK}, card).steps == 25


def test_the_largest_is_bound():
    assert sound_facts(NETWORK | {"sample_size": MOST_SAMPLES}).longest * 4000 == MOST_SAMPLES


@pytest.mark.parametrize(
    "changes",
    [
        {"sample_rate": None},
        {"sample_rate": 10**9},
        {"sample_size": 0},
        {"sample_size": True},
        {"out_channels": 99},
        {"up_block_types": []},
        {"up_block_types": ["Up"] * 99},
        {"up_block_types": "Up"},
    ],
)
def test_what_says_nothing_that_can_be_has_no_profile(changes):
    assert profile(FILES | {"unet/config.json": NETWORK | changes}) is None


def test_a_sample_costs_what_a_pixel_costs():
    picture = price(currency="eur", width=64, height=64, rounds=10, count=2)
    assert sound_price(currency="eur", samples=64 * 64, steps=10, count=2) == picture


def test_the_bound_is_that_of_the_engine():
    from inference.engine import sounds

    assert sounds.MOST_SAMPLES == MOST_SAMPLES
