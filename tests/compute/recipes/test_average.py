"""The moving average of weights."""

import pytest
import torch
from torch import nn

from compute.recipes.training.average import Average


def weights(*values):
    return [nn.Parameter(torch.tensor([float(value)])) for value in values]


def test_it_moves_a_share_of_the_way_at_each_step():
    (weight,) = weights(0)
    average = Average([weight])
    with torch.no_grad():
        weight.fill_(1.0)
    average.follow(step=10_000, keep=0.9)
    assert average.values[0].item() == pytest.approx(0.1)
    average.follow(step=10_000, keep=0.9)
    assert average.values[0].item() == pytest.approx(0.19)


def test_it_follows_weights_whose_values_were_put_elsewhere():
    (weight,) = weights(0)
    average = Average([weight])
    weight.data = torch.tensor([1.0])
    average.follow(step=10_000, keep=0.5)
    assert average.values[0].item() == pytest.approx(0.5)


def test_within_it_the_weights_are_the_average_and_afterwards_themselves():
    module = nn.Linear(1, 1, bias=False)
    average = Average(list(module.parameters()))
    before = average.values[0].item()
    with torch.no_grad():
        module.weight.fill_(5.0)
    with average.in_place(module):
        assert module.weight.item() == pytest.approx(before)
    assert module.weight.item() == 5.0
