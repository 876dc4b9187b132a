import random

from PIL import Image, ImageFilter

from inference.algorithms import uploads


def test_a_mask_grows_by_a_square_also_at_its_edges():
    chance = random.Random(3)
    mask = Image.new("L", (61, 47))
    for _ in range(12):
        mask.putpixel((chance.randrange(61), chance.randrange(47)), chance.randrange(1, 256))
    mask.putpixel((0, 46), 255)
    assert uploads.grown(mask, 0) == mask
    for pixels in range(1, 21):
        assert uploads.grown(mask, pixels) == mask.filter(ImageFilter.MaxFilter(2 * pixels + 1))
