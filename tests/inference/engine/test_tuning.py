"""What is done otherwise on a GPU gives the same numbers."""

import pytest
import torch
from diffusers.models.activations import GELU

from inference.engine.tuning import gelu_in_the_product

# A processor ends a product with the exact GELU, a GPU with the layer's own; they lie this near.
NEAR = 1e-3


def test_a_product_that_ends_with_its_gelu_is_the_product_and_its_gelu():
    torch.manual_seed(0)
    layer = GELU(6, 12, approximate="tanh")
    states = torch.randn(2, 5, 6)
    expected = layer(states)
    gelu_in_the_product(layer)
    assert "forward" in vars(layer)
    assert torch.allclose(layer(states), expected, atol=NEAR)
    assert layer(states).shape == (2, 5, 12)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
def test_on_a_gpu_it_is_the_same_gelu(dtype, near):
    torch.manual_seed(0)
    layer = GELU(64, 256, approximate="tanh").to("cuda", dtype)
    states = torch.randn(2, 50, 64, device="cuda", dtype=dtype)
    expected = layer(states)
    gelu_in_the_product(layer)
    assert torch.allclose(layer(states), expected, atol=near)


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
