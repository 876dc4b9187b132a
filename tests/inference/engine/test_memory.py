"""How much a call takes is measured, and calls are kept within a bound by it."""

import pytest
import torch

from inference.engine.engine import Engine
from inference.engine.memory import Memory
from inference.engine.requests import ModelKey, Request
from tests.inference.engine.alone import drawn_alone

MIB = 2**20


def test_only_what_lives_at_the_same_time_counts():
    memory = Memory(10 * MIB, "cpu")
    outside = torch.zeros(MIB // 4)
    with memory.watching("form", 2):
        one = outside + 1  # 1 MiB
        outside.view(2, -1).add_(1)
        two = torch.cat([one, one])  # 2 MiB more
        del one
        (two[:10] * 2).sum()
        del two
        for _turn in range(5):
            outside * 3
    assert memory.of_each("form") * 2 == pytest.approx(3 * MIB, rel=0.01)


def test_as_many_rows_go_through_a_call_as_fit():
    assert Memory(None, "cpu").fitting("form", [2] * 9) == 9
    memory = Memory(10 * MIB, "cpu")
    assert memory.fitting("form", [2] * 9) == 1
    with memory.watching("form", 2):
        torch.zeros(MIB)
    assert memory.of_each("form") == 2 * MIB
    assert memory.fitting("form", [2, 1, 2, 1]) == 3
    assert memory.fitting("form", [7, 1]) == 1


def test_calls_stay_within_the_bound_and_pictures_as_they_are(source, flow_folder):
    def requests():
        return [
            Request(ModelKey("flow", "1"), "a red circle", seed=seed, steps=5, guidance=2.0, keep_latents=True)
            for seed in range(6)
        ]

    with Engine(source, max_call_bytes=2**40) as engine:
        engine.submit(requests()[0]).result(60)
        for handle in [engine.submit(request) for request in requests()]:
            handle.result(60)
        (each,) = {bytes_ for form, bytes_ in engine.memory._each.items() if form[1][0] == "transformer"}
    with Engine(source, max_call_bytes=int(4.5 * each)) as engine:
        results = [handle.result(60) for handle in [engine.submit(request) for request in requests()]]
        # Two guided requests have four rows: more do not fit.
        assert 15 <= engine.counts.calls <= 30
        assert engine.counts.row_steps == 30
    for request, result in zip(requests(), results, strict=True):
        expected = drawn_alone("StableDiffusion3Pipeline", flow_folder, request)
        assert (expected - result.latents).abs().max().item() <= 1e-4
