"""Pictures are rounded as the stock pipelines round them."""

import numpy as np
import pytest
import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

from inference.engine.pictures import picture_of


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bytes_are_those_of_the_stock_processor(dtype):
    decoded = (torch.randn(1, 3, 9, 7, generator=torch.Generator().manual_seed(0)) * 0.8).to(dtype)
    stock = VaeImageProcessor()
    expected = stock.postprocess(decoded.clone(), output_type="pil")[0]
    seen = picture_of(stock.postprocess(decoded.clone(), output_type="pt")[0])
    assert np.array_equal(np.asarray(expected), np.asarray(seen))
    assert seen.mode == "RGB"


def test_what_is_a_picture_already_stays_as_it_is():
    picture = Image.new("RGB", (4, 4))
    assert picture_of(picture) is picture
