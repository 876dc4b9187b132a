"""Each picture out of shared steps is the picture of the stock pipeline alone."""

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline

from inference.engine.engine import Engine
from inference.engine.requests import ModelKey, Request

# prompt, negative prompt, seed, steps, guidance
CASES = [
    ("a red circle", "", 1, 4, 1.0),
    ("a blue square", "red", 2, 12, 2.0),
    ("green", "", 3, 7, 4.5),
    ("a green square on black", "white", 4, 30, 9.0),
    ("", "", 5, 12, 2.0),
    ("a red circle", "", 6, 1, 7.0),
]
FLOW, UNET = ModelKey("flow", "1"), ModelKey("unet", "1")


def request(model, case, **more):
    prompt, negative, seed, steps, guidance = case
    return Request(
        model, prompt, seed=seed, steps=steps, guidance=guidance, negative_prompt=negative, keep_latents=True, **more
    )


def alone(pipeline, case, **more):
    prompt, negative, seed, steps, guidance = case
    return pipeline(
        prompt,
        negative_prompt=negative or None,
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(seed),
        **more,
    ).images


@pytest.fixture(scope="module")
def stock(flow_folder):
    pipeline = DiffusionPipeline.from_pretrained(flow_folder, text_encoder_3=None, tokenizer_3=None)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_latents_of_shared_steps_equal_those_of_the_stock_pipeline(source, stock):
    with Engine(source, max_rows=4) as engine:
        handles = [engine.submit(request(FLOW, case)) for case in CASES]
        results = [handle.result(60) for handle in handles]
        assert engine.counts.row_steps == sum(case[3] for case in CASES)
        assert engine.counts.calls < engine.counts.row_steps
    for case, result in zip(CASES, results, strict=True):
        difference = (alone(stock, case, output_type="latent") - result.latents).abs().max().item()
        assert difference <= 1e-4


def test_pictures_and_their_parameters_make_the_same_picture_again(source, stock):
    case = CASES[1]
    with Engine(source) as engine:
        first = engine.submit(request(FLOW, case)).result(60)
        again = engine.submit(
            Request(
                FLOW,
                first.parameters["prompt"],
                **{name: first.parameters[name] for name in ("seed", "steps", "guidance", "negative_prompt", "width")},
            )
        ).result(60)
    assert np.array_equal(np.asarray(first.picture), np.asarray(again.picture))
    by_stock = np.asarray(alone(stock, case)[0]).astype(int)
    assert np.abs(by_stock - np.asarray(first.picture)).max() <= 1


def test_sizes_other_than_the_models_own_share_no_call_and_stay_exact(source, stock):
    case = CASES[2]
    with Engine(source) as engine:
        wide = engine.submit(request(FLOW, case, width=32, height=16))
        own = engine.submit(request(FLOW, case))
        wide, own = wide.result(60), own.result(60)
    assert wide.picture.size == (32, 16)
    assert own.picture.size == (16, 16)
    expected = alone(stock, case, width=32, height=16, output_type="latent")
    assert (expected - wide.latents).abs().max().item() <= 1e-4


def test_another_family_runs_through_its_stock_pipeline(source, unet_folder):
    case = ("a red circle", "blue", 9, 3, 3.0)
    steps = []
    with Engine(source) as engine:
        result = engine.submit(request(UNET, case, on_progress=lambda progress: steps.append(progress.step))).result(60)
    pipeline = DiffusionPipeline.from_pretrained(unet_folder, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    assert np.array_equal(np.asarray(alone(pipeline, case)[0]), np.asarray(result.picture))
    assert steps == [1, 2, 3]
    assert result.timings.shared_steps == 0
