"""Muon for kernels: what torch's own does to the same numbers as a matrix, and who is given to it."""

import torch
from torch import nn

from compute.recipes.dance_diffusion.config import Config, ModelConfig
from compute.recipes.dance_diffusion.program import build_unet
from compute.recipes.data.config import SoundsConfig
from compute.recipes.training.config import LoopConfig
from compute.recipes.training.kernels import KernelMuon, orthogonal
from compute.recipes.training.optimizers import build_optimizers


def test_a_kernel_moves_as_torch_moves_the_same_matrix():
    random = torch.Generator().manual_seed(0)
    for shape in ((8, 3, 5), (24, 2, 1)):
        kernel = nn.Parameter(torch.randn(shape, generator=random))
        matrix = nn.Parameter(kernel.detach().flatten(1).clone())
        ours = KernelMuon([kernel], lr=0.02, weight_decay=0.1)
        theirs = torch.optim.Muon([matrix], lr=0.02, weight_decay=0.1)
        for _ in range(3):
            kernel.grad = torch.randn(shape, generator=random)
            matrix.grad = kernel.grad.flatten(1)
            ours.step()
            theirs.step()
        # Torch's is computed in bfloat16.
        torch.testing.assert_close(kernel.flatten(1), matrix, atol=2e-3, rtol=0.0)


def test_all_directions_of_a_kernel_become_about_as_long():
    random = torch.Generator().manual_seed(0)
    for shape in ((6, 40), (40, 6)):
        lengths = torch.linalg.svdvals(orthogonal(torch.randn(shape, generator=random)))
        assert 0.5 < float(lengths.min()) <= float(lengths.max()) < 1.3


def test_muon_has_what_is_inside_and_adamw_what_is_left():
    config = Config(dataset=SoundsConfig(length=512), model=ModelConfig(channels=(16, 32), attention=0, time_width=8))
    unet = build_unet(config)
    parts = build_optimizers(unet, LoopConfig(optimizer="muon", muon_learning_rate=0.03), rate=2.0)
    assert parts.full_rates == [0.003, 0.06, 0.06]
    kinds = [type(part).__name__ for part in parts.parts]
    assert kinds == ["AdamW", "Muon", "KernelMuon"]
    dimensions = [{weight.ndim for group in part.param_groups for weight in group["params"]} for part in parts.parts]
    assert dimensions == [{1, 3}, {2}, {3}]
    trained = [weight for weight in unet.parameters() if weight.requires_grad]
    given = [weight for part in parts.parts for group in part.param_groups for weight in group["params"]]
    assert {id(weight) for weight in trained} == {id(weight) for weight in given}
    last = unet.up_blocks[-1].resnets[-1].conv_2.weight
    assert any(weight is last for weight in parts.parts[0].param_groups[0]["params"]), "of the answer itself"

    alone = build_optimizers(unet, LoopConfig())
    assert (len(alone.parts), alone.full_rates) == (1, [0.0015])
