"""A compiled denoiser draws what the stock pipeline draws, also in shared calls and for single LoRAs."""

import torch

from inference.engine.compiling import Compiled, as_written, compile_network
from inference.engine.engine import Engine
from inference.engine.families import Limits
from tests.inference.engine.matrix import Case, Folders, compare

BOUND = 1e-4
# Traces networks as every backend does, and needs no compiler on the machine.
BACKEND = "eager"


def test_shared_calls_of_a_compiled_denoiser_equal_the_stock_pipeline(tmp_path):
    case = Case("diffusion", "StableDiffusionPipeline", (None, None))
    seen = compare(case, Folders(tmp_path), max_rows=2, limits=Limits(compiler=BACKEND))
    assert seen.differences["its own"] <= BOUND
    assert seen.calls < seen.row_steps


def test_what_changes_a_layer_for_one_request_is_never_missed():
    layer = torch.nn.Sequential(torch.nn.Linear(3, 3))
    compile_network(layer, BACKEND)
    inputs = torch.ones(2, 3)
    plain = layer(inputs)
    assert isinstance(vars(layer)["forward"], Compiled)
    handle = layer[0].register_forward_hook(lambda _module, _given, output: output + 1)
    with as_written(layer, where=True):
        assert torch.allclose(layer(inputs), plain + 1)
    handle.remove()
    assert torch.allclose(layer(inputs), plain)


def test_bfloat16_stays_near_float32(tmp_path):
    folders = Folders(tmp_path)
    case = Case("diffusion", "StableDiffusionPipeline", (None,))
    drawn = []
    for dtype in (torch.float32, torch.bfloat16):
        with Engine(folders, dtype=dtype) as engine:
            drawn.append(engine.submit(case.requests()[0]).result(120).latents.float())
    apart = (drawn[0] - drawn[1]).abs() / drawn[0].std()
    assert apart.mean() < 0.02  # measured: 0.003, and 0.03 at most
    assert apart.max() < 0.2
