"""Each picture out of shared calls is the picture of the stock pipeline alone."""

import numpy as np
import pytest
from PIL import Image

from inference.engine.engine import Engine
from inference.engine.requests import BadRequest, ModelKey, Request
from tests.inference.engine.alone import drawn_alone, mask, photograph
from tests.inference.engine.matrix import CASES, Folders, compare

BOUND = 1e-4


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return Folders(tmp_path_factory.mktemp("models"))


def ask(model, **changes):
    asked = {"prompt": "a red circle", "seed": 5, "steps": 4, "guidance": 3.0, "keep_latents": True} | changes
    return Request(ModelKey(model, "1"), **asked)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_latents_of_shared_steps_equal_those_of_the_stock_pipeline(folders, case):
    seen = compare(case, folders, max_rows=6)
    assert {name: value for name, value in seen.differences.items() if not value <= BOUND} == {}
    assert seen.calls <= 0.6 * seen.row_steps


def test_alone_in_the_engine_nothing_differs_at_all(folders):
    seen = compare(CASES[0], folders, max_rows=1)
    assert set(seen.differences.values()) == {0.0}
    assert seen.calls == seen.row_steps


def test_different_tasks_of_one_model_share_calls(folders):
    requests = [
        ask("xl"),
        ask("xl", image=photograph(), strength=0.9),
        ask("xl", image=photograph(), mask=mask(), strength=1.0),
    ]
    judges = ["StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline"]
    with Engine(folders) as engine:
        engine.submit(ask("xl", steps=1)).result(60)
        results = [handle.result(60) for handle in [engine.submit(request) for request in requests]]
    assert all(result.timings.shared_steps for result in results)
    for request, judge, result in zip(requests, judges, results, strict=True):
        expected = drawn_alone(judge, folders.folder(request.model), request)
        assert (expected - result.latents).abs().max().item() <= BOUND


@pytest.mark.parametrize(
    ("model", "judge"),
    [
        ("diffusion", "StableDiffusionPipeline"),
        ("wide", "StableDiffusion3Pipeline"),
        ("latent", "LDMTextToImagePipeline"),
    ],
)
def test_pictures_are_those_of_the_stock_pipeline_and_their_parameters_make_them_again(folders, model, judge):
    requests = [ask(model, seed=seed, negative_prompt="" if model == "latent" else "blue") for seed in (1, 2)]
    steps = []
    with Engine(folders) as engine:
        watched = ask(model, seed=3, on_progress=lambda progress: steps.append((progress.step, progress.steps)))
        engine.submit(watched).result(60)
        results = [handle.result(60) for handle in [engine.submit(request) for request in requests]]
        given = results[1].parameters
        kept = ("prompt", "seed", "steps", "guidance", "negative_prompt", "width", "height")
        again = engine.submit(ask(model, **{name: given[name] for name in kept})).result(60)
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for request, result in zip(requests, results, strict=True):
        (expected,) = drawn_alone(judge, folders.folder(request.model), request, output_type="pil")
        assert difference(expected, result.picture) <= 1
    assert difference(again.picture, results[1].picture) <= 1


def difference(one, other):
    return np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max()


def test_sizes_other_than_the_models_own_share_no_call_and_stay_exact(folders):
    wide = ask("diffusion", width=32, height=16)
    with Engine(folders) as engine:
        handles = [engine.submit(wide), engine.submit(ask("diffusion"))]
        drawn, own = (handle.result(60) for handle in handles)
    assert drawn.picture.size == (32, 16)
    assert own.picture.size == (16, 16)
    expected = drawn_alone("StableDiffusionPipeline", folders.folder(wide.model), wide)
    assert (expected - drawn.latents).abs().max().item() <= BOUND
    assert drawn.timings.shared_steps == 0


def test_a_picture_is_redrawn_in_the_size_that_is_asked_for(folders):
    request = ask("diffusion", image=photograph(48), width=32, height=24)
    with Engine(folders) as engine:
        assert engine.submit(request).result(60).picture.size == (32, 24)


def test_enlarged_pictures_are_those_of_the_stock_pipelines_and_have_their_sizes(folders):
    requests = [
        ask("pixels-enlarged", image=photograph(12), noise_level=50, width=32, height=24),
        ask("pixels-enlarged", image=photograph(8), noise_level=250),
        ask("latents-enlarged", image=photograph(12), noise_level=20),
    ]
    with Engine(folders) as engine:
        results = [handle.result(60) for handle in [engine.submit(request) for request in requests]]
    assert [result.picture.size for result in results] == [(32, 24), (16, 16), (24, 24)]
    assert [result.parameters["noise_level"] for result in results] == [50, 250, 20]
    judges = ["IFSuperResolutionPipeline"] * 2 + ["StableDiffusionUpscalePipeline"]
    for request, judge, result in zip(requests, judges, results, strict=True):
        (expected,) = drawn_alone(judge, folders.folder(request.model), request, output_type="pil")
        assert difference(expected, result.picture) <= 1
        assert "strength" not in result.parameters


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (ask("diffusion", scheduler="flow_euler"), "scheduler must be one of ddim"),
        (ask("wide", scheduler="ddim"), "scheduler must be one of flow_euler"),
        (ask("editing"), "needs an image"),
        (ask("filling", image=photograph()), "needs an image and a mask"),
        (ask("diffusion", mask=mask()), "a mask needs an image"),
        (ask("guided", image=photograph()), "neither an image nor a mask"),
        (ask("guided", negative_prompt="blue"), "takes no negative prompt"),
        (ask("diffusion", image=photograph(), strength=0.1), "steps times strength"),
        (ask("diffusion", image=Image.new("RGB", (17, 16))), "multiples of 8"),
        (ask("latents-enlarged"), "needs an image"),
        (ask("pixels-enlarged", image=photograph(), mask=mask()), "needs an image"),
        (ask("pixels-enlarged", image=photograph(8), scheduler="ddim"), "one of ddpm, dpmpp_2m"),
    ],
)
def test_what_a_model_cannot_do_is_refused_in_words(folders, request_, words):
    with Engine(folders) as engine, pytest.raises(BadRequest, match=words):
        engine.submit(request_).result(60)
