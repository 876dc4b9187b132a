"""What is done otherwise on a GPU gives the same numbers."""

import pytest
import torch
from diffusers.models.activations import GELU

from inference.engine.engine import best_device
from inference.engine.tuning import gelu_in_the_product

DEVICE = best_device()
# A processor ends a product with the exact GELU, a GPU with the layer's own.
NEAR = {torch.float32: 1e-3 if DEVICE == "cpu" else 1e-5, torch.bfloat16: 2e-2}


@pytest.mark.parametrize("dtype", list(NEAR))
def test_a_product_that_ends_with_its_gelu_is_the_product_and_its_gelu(dtype):
    torch.manual_seed(0)
    layer = GELU(64, 256, approximate="tanh").to(DEVICE, dtype)
    states = torch.randn(2, 50, 64).to(DEVICE, dtype)
    expected = layer(states)
    gelu_in_the_product(layer)
    assert "forward" in vars(layer)
    assert layer(states).shape == (2, 50, 256)
    assert torch.allclose(layer(states), expected, atol=NEAR[dtype])


def test_an_adapter_of_one_request_still_reaches_the_product():
    torch.manual_seed(0)
    layer = GELU(6, 12, approximate="tanh")
    states = torch.randn(2, 5, 6)
    gelu_in_the_product(layer)
    hook = layer.proj.register_forward_hook(lambda _module, _given, output: output + 1)
    changed = layer(states)
    hook.remove()
    assert torch.allclose(changed, torch.nn.functional.gelu(layer.proj(states) + 1, approximate="tanh"), atol=1e-6)


def test_a_gelu_that_is_no_tanh_is_left_alone():
    layer = GELU(6, 12)
    gelu_in_the_product(layer)
    assert "forward" not in vars(layer)
