import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inference.algorithms import canvas
from inference.algorithms.canvas import Margins, Rectangle

margins = st.integers(0, 9)


def test_a_rectangle_is_white_as_far_as_it_lies_in_the_image():
    mask = np.asarray(canvas.mask_of((8, 6), Rectangle(left=6, top=1, width=9, height=2)))
    assert mask.shape == (6, 8)
    assert mask.sum() == 255 * 2 * 2
    assert (mask[1:3, 6:] == 255).all()


@given(margins, margins, margins, margins)
def test_the_image_lies_unchanged_on_a_ground_that_continues_it(left, top, right, bottom):
    content = np.random.default_rng(1).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    around = Margins(left, top, right, bottom)
    ground, mask = canvas.extended(Image.fromarray(content), around)
    pixels, white = np.asarray(ground), np.asarray(mask)
    assert ground.size == mask.size == around.around(64, 40)
    assert (pixels[top : top + 40, left : left + 64] == content).all()
    assert (pixels[:top, :left] == content[0, 0]).all()
    assert (pixels[top + 40 :, left + 64 :] == content[-1, -1]).all()
    # All that is new is drawn anew, and a line of the image beside it; the rest stays.
    inside = np.zeros_like(white, dtype=bool)
    inside[top + bool(top) : top + 40 - bool(bottom), left + bool(left) : left + 64 - bool(right)] = True
    assert (white[~inside] == 255).all()
    assert (white[inside] == 0).all()
