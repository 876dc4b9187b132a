"""The mark is found where it was put, after what happens to pictures, by nobody without the key."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inference.algorithms import convolution, watermark

KEY, MARK = b"k" * 32, 0xC0FFEE01


def picture(side: int = 256, *, seed: int = 0) -> Image.Image:
    """A soft field with an edge in it."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(40, 216, (9, 9, 3), dtype=np.uint8))
    field = np.array(small.resize((side, side), Image.Resampling.BICUBIC))
    field[side // 4 : side // 2, side // 3 : side // 2] = (200, 40, 60)
    return Image.fromarray(field)


def compressed(marked: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    marked.save(file, "JPEG", quality=quality)
    return Image.open(file)


@pytest.fixture(scope="module")
def marked():
    return watermark.embed(picture(), MARK, key=KEY)


def test_the_mark_is_found_and_hardly_changes_the_picture(marked):
    assert watermark.find(marked, key=KEY) == watermark.Found(MARK, (0, 0), (256, 256))
    difference = np.asarray(marked, dtype=float) - np.asarray(picture(), dtype=float)
    assert 10 * np.log10(255**2 / (difference**2).mean()) >= watermark.LEAST_PSNR
    assert np.array_equal(marked, watermark.embed(picture(), MARK, key=KEY))


@pytest.mark.parametrize("quality", [90, 50])
def test_it_survives_compression(marked, quality):
    assert watermark.find(compressed(marked, quality), key=KEY).mark == MARK


@pytest.mark.parametrize("side", [128, 200, 384])
def test_it_survives_scaling_when_the_size_before_is_known(marked, side):
    scaled = marked.resize((side, side), Image.Resampling.BICUBIC)
    assert watermark.find(scaled, key=KEY, sizes=[(512, 512), (256, 256), (256, 128)]).mark == MARK


def test_it_survives_cutting(marked):
    found = watermark.find(compressed(marked.crop((21, 10, 245, 250)), 90), key=KEY)
    assert found.mark == MARK
    assert found.place != (0, 0)


def test_without_the_key_and_without_a_mark_nothing_is_found(marked):
    assert watermark.find(marked, key=b"x" * 32) is None
    assert watermark.find(picture(), key=KEY, sizes=[(512, 512)]) is None
    assert watermark.find(Image.new("RGB", (8, 8)), key=KEY, sizes=[(64, 64)]) is None


def test_small_and_huge_pictures_carry_none():
    assert watermark.embed(Image.new("RGB", (63, 300)), MARK, key=KEY) is None
    assert watermark.embed(Image.new("RGB", (64, 4097)), MARK, key=KEY) is None


def test_black_and_white_pictures_carry_it_without_leaving_their_range():
    for colour in ("white", "black"):
        found = watermark.find(watermark.embed(Image.new("RGB", (128, 192), colour), MARK, key=KEY), key=KEY)
        assert found.mark == MARK


@settings(max_examples=20, deadline=None)
@given(number=st.integers(0, 2**48 - 1), seed=st.integers(0, 1000))
def test_the_code_repairs_one_sign_in_eight(number, seed):
    bits = [number >> place & 1 for place in range(48)]
    signs = convolution.encode(bits).astype(float)
    assert len(signs) == convolution.coded_length(48)
    random = np.random.default_rng(seed)
    # Wrong signs are rarely as sure as right ones; spread, as noise spreads them.
    wrong = random.permutation(len(signs))[: len(signs) // 8]
    signs[wrong] *= -0.5
    assert convolution.decode(signs, 48) == bits
