"""How an encoder is shown pictures."""

import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessor, ViTImageProcessor

from compute.recipes.contrastive.seeing import require_side, shown
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.sheets import as_images

COLOURS = {"image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}  # about those of the first CLIP
SIDE = {"height": 32, "width": 32}


@pytest.mark.parametrize(
    "processor",
    [
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=SIDE, **COLOURS),
        ViTImageProcessor(size=SIDE, **COLOURS),
    ],
)
def test_pictures_have_the_colours_that_the_stock_processor_gives(processor):
    levels = torch.randint(256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    pictures = levels / 127.5 - 1.0
    images: list[Image.Image] = as_images(pictures)
    theirs = processor(images=images, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(shown(pictures, processor), theirs, atol=1e-4, rtol=1e-4)

    require_side(Source("lab/clip", "local"), processor, 32)
    with pytest.raises(Refused, match=r"lab/clip sees pictures of 32 pixels\. Set 'dataset.size'"):
        require_side(Source("lab/clip", "local"), processor, 64)
