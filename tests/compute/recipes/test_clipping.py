"""Gradients are shortened as torch does it, to the bit."""

import pytest
import torch
from torch import nn

from compute.recipes.training.optimizers import clip_gradients


@pytest.mark.parametrize("length", [0.3, 0.985, 0.9999999, 1.0, 1.0000001, 7.0, float("nan"), float("inf")])
def test_gradients_are_shortened_as_torch_does_it(length):
    random = torch.Generator().manual_seed(0)
    gradients = [torch.randn(shape, generator=random) for shape in ((4, 3), (7,))]
    whole = torch.cat([gradient.flatten() for gradient in gradients]).norm()

    def weights():
        made = [nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]
        for weight, gradient in zip(made, gradients, strict=True):
            weight.grad = gradient * (length / whole)
        return [*made, nn.Parameter(torch.zeros(2))]  # the last has no part in the loss

    ours, theirs = weights(), weights()
    clip_gradients(ours, 1.0)
    nn.utils.clip_grad_norm_(theirs, 1.0)
    for one, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert torch.equal(one.grad.view(torch.int32), other.grad.view(torch.int32))
    assert ours[-1].grad is None
