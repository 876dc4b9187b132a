"""A compiled denoiser draws what the stock pipeline draws, also in shared calls and for single LoRAs."""

import pytest
import torch

from inference.engine import compiling
from inference.engine.compiling import Compiled, as_written, compile_network
from inference.engine.engine import Engine
from inference.engine.families import Limits
from tests.inference.engine.matrix import CASES, Case, Folders, compare

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
    compile_network(layer, BACKEND, full=2)
    inputs = torch.ones(2, 3)
    plain = layer(inputs)
    assert isinstance(vars(layer)["forward"], Compiled)
    handle = layer[0].register_forward_hook(lambda _module, _given, output: output + 1)
    with as_written(layer, where=True):
        assert torch.allclose(layer(inputs), plain + 1)
    handle.remove()
    assert torch.allclose(layer(inputs), plain)


def test_full_calls_have_a_form_of_their_own_and_smaller_ones_wait_for_theirs(monkeypatch):
    monkeypatch.setattr(compiling, "SMALLER_CALLS", 2)
    compiled = []

    def backend(graph, _inputs):
        compiled.append(graph)
        return graph.forward

    network = torch.nn.Sequential(torch.nn.Linear(3, 3))
    expected = {rows: network(torch.ones(rows, 3)) for rows in (3, 4, 5)}
    compile_network(network, backend, full=2)
    calls = [(4, 1), (4, 1), (3, 1), (5, 1), (3, 2), (5, 2), (4, 2)]
    for rows, forms in calls:
        assert torch.allclose(network(torch.ones(rows, 3)), expected[rows])
        assert len(compiled) == forms, rows


def test_a_transformer_is_compiled_block_by_block(tmp_path):
    case = Case("wide", "StableDiffusion3Pipeline", (None, None))
    seen = compare(case, Folders(tmp_path), max_rows=2, limits=Limits(compiler=BACKEND))
    assert seen.differences["its own"] <= BOUND


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


@pytest.mark.parametrize("model", ["xl", "wide", "guided"])
def test_shared_calls_in_bfloat16_stay_near_the_stock_pipeline_alone(tmp_path, model):
    case = next(case for case in CASES if case.model == model)
    seen = compare(case, Folders(tmp_path), max_rows=6, dtype=torch.bfloat16)
    assert max(seen.spreads.values()) <= 0.05  # measured: 0.006 here, 0.02 on a GPU
    assert seen.calls < seen.row_steps
