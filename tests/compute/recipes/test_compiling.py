"""Layers that repeat are compiled once for all their places, and learn what they would have learned."""

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from compute.recipes.events import EventLog
from compute.recipes.training.compiling import compile_layers, repeated_layers
from compute.recipes.training.config import LoopConfig
from compute.recipes.training.loop import Loop, Player

# torch looks at the gradients of all that it traces and warns of it itself, and of a cache of the library's.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),
    pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools.lru_cache`"),
]


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x):
        return torch.tanh(self.linear(x))


class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.layers = nn.ModuleList([Layer() for _ in range(3)])

    def forward(self, x):
        x = self.first(x)
        for layer in self.layers:
            x = layer(x)
        return x


def test_layers_in_a_list_of_their_class_repeat():
    stack = Stack()
    assert list(repeated_layers(stack)) == list(stack.layers)
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=4,
        cross_attention_dim=8,
        attention_head_dim=4,
    )
    kinds = {type(layer).__name__ for layer in repeated_layers(unet)}
    assert kinds == {"ResnetBlock2D", "Transformer2DModel"}


def test_one_form_serves_all_places():
    forms = []

    def backend(graph, _inputs):
        forms.append(graph)
        return graph.forward

    stack = Stack()
    expected = stack(torch.ones(2, 4))
    compile_layers([stack], backend)
    assert torch.allclose(stack(torch.ones(2, 4)), expected)
    assert len(forms) == 1


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_compiled_run_ends_with_the_weights_of_a_plain_one(tmp_path, checkpointing):
    ended = []
    for compiler in ("", "eager"):
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            norm_num_groups=4,
            cross_attention_dim=8,
            attention_head_dim=4,
        )

        def loss(step, index, unet=unet):
            random = torch.Generator().manual_seed(index)
            noisy, text = torch.randn(2, 4, 8, 8, generator=random), torch.randn(2, 3, 8, generator=random)
            return {"loss": (unet(noisy, torch.tensor([step, 2]), text).sample - noisy).square().mean()}

        config = LoopConfig(steps=2, device="cpu", threads=1, compiler=compiler, gradient_checkpointing=checkpointing)
        folder = tmp_path / f"run-{compiler}"
        with EventLog(tmp_path / f"{compiler}.jsonl") as log:
            Loop(config, [Player(unet, loss)], log, folder=folder, fingerprint="f").run()
        ended.append(unet.state_dict())
    assert ended[0].keys() == ended[1].keys()
    for name, weight in ended[0].items():
        torch.testing.assert_close(weight, ended[1][name], atol=1e-6, rtol=1e-5)
