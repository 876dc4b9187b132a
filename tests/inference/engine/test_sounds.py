"""Each sound out of shared calls is the sound of the stock pipeline alone."""

import numpy as np
import pytest
import torch
from PIL import Image

from inference.engine.engine import Engine
from inference.engine.requests import BadRequest, ModelKey, Request
from tests.inference.engine.alone import stock
from tests.inference.engine.conftest import Folders
from tests.inference.pipelines import save_sound_pipeline

BOUND = 1e-4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_sound_pipeline(tmp_path_factory.mktemp("sounds"))


@pytest.fixture
def sources(folder, flow_folder):
    return Folders(bells=folder, flow=flow_folder)


def ask(**changes):
    asked = {"model": ModelKey("bells", "1"), "prompt": "", "seed": 5, "steps": 6, "guidance": 1.0} | changes
    return Request(**asked)


def made_alone(folder, request):
    pipeline = stock("DanceDiffusionPipeline", folder)
    generator = torch.Generator().manual_seed(request.seed)
    made = pipeline(num_inference_steps=request.steps, generator=generator, audio_length_in_s=request.seconds)
    return made.audios[0]


def test_sounds_of_shared_steps_equal_those_of_the_stock_pipeline(sources, folder):
    """Unlike steps, seeds and lengths; the network is given equally long ones where 8 samples more make them so."""
    lengths = (0.25, 1021 / 4000, 0.2545, None)
    requests = [ask(seed=number, steps=4 + number, seconds=lengths[number % 4]) for number in range(6)]
    with Engine(sources, max_rows=6) as engine:
        results = [handle.result(120) for handle in [engine.submit(request) for request in requests]]
        counts = engine.counts
    for request, result in zip(requests, results, strict=True):
        expected = made_alone(folder, request)
        assert result.sound.samples.shape == expected.shape
        assert np.abs(result.sound.samples - expected).max() <= BOUND
    assert counts.row_steps == sum(request.steps for request in requests)
    assert counts.calls <= 0.6 * counts.row_steps
    assert all(result.timings.shared_steps for result in results)


def test_other_lengths_share_no_call_and_stay_exact(sources, folder):
    requests = [ask(seconds=0.125), ask(seconds=0.5)]
    with Engine(sources) as engine:
        results = [handle.result(60) for handle in [engine.submit(request) for request in requests]]
    for request, result in zip(requests, results, strict=True):
        assert np.abs(result.sound.samples - made_alone(folder, request)).max() <= BOUND
        assert result.timings.shared_steps == 0


def test_the_parameters_make_it_again_and_tell_nothing_that_had_no_part_in_it(sources):
    steps = []
    with Engine(sources) as engine:
        watched = ask(on_progress=lambda progress: steps.append((progress.step, progress.steps)))
        first = engine.submit(watched).result(60)
        given = {name: first.parameters[name] for name in ("seed", "steps", "seconds")}
        again = engine.submit(ask(**given)).result(60)
    assert steps == [(number, 6) for number in range(1, 7)]
    assert (first.sound.samples == again.sound.samples).all()
    assert first.sound.rate == 4000
    assert first.parameters == {
        "model": "bells",
        "commit": "1",
        "seed": 5,
        "steps": 6,
        "seconds": 0.256,
        "sample_rate": 4000,
        "channels": 2,
        "pipeline": "DanceDiffusionPipeline",
        "sampler": "IPNDMScheduler",
    }


def test_steps_are_left_out_when_asked(sources):
    with Engine(sources) as engine:
        result = engine.submit(ask(steps=8, step_reuse="strong")).result(60)
        assert engine.counts.calls == result.parameters["calls"] - result.parameters["calls_saved"] < 8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": "a bell"}, "takes no prompt"),
        ({"width": 16}, "no width"),
        ({"image": Image.new("RGB", (16, 16))}, "neither an image nor a mask"),
        ({"scheduler": "ddim"}, "no scheduler but its own"),
        ({"seconds": 0.001}, "at least 24 samples"),
        ({"seconds": 2000.0}, "at most 4194304 samples"),
        ({"model": ModelKey("flow", "1"), "seconds": 1.0}, "a picture has no seconds"),
    ],
)
def test_what_a_model_cannot_do_is_refused_in_words(sources, changes, words):
    with Engine(sources) as engine, pytest.raises(BadRequest, match=words):
        engine.submit(ask(**changes)).result(60)
