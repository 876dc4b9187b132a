"""The small trained model in tests/fixtures: drawn with the stock class, judged by the checker."""

from pathlib import Path

import numpy as np
import pytest
from diffusers import DiffusionPipeline, StableDiffusion3Pipeline

from compute.recipes.shapes.checker import check
from compute.recipes.shapes.vocabulary import held_out_prompts
from compute.recipes.text_to_image.config import SamplingConfig
from compute.recipes.text_to_image.evaluation import shapes_accuracy
from compute.recipes.text_to_image.model import CountedAttention
from compute.recipes.text_to_image.sampling import generate

FIXTURE = Path("tests/fixtures/shapes-tiny")
FOUR_STEPS = SamplingConfig(steps=4, guidance=1.0)


@pytest.fixture
def pipeline():
    return DiffusionPipeline.from_pretrained(FIXTURE, use_safetensors=True)


def test_stock_pipeline_draws_what_unseen_prompts_ask(pipeline):
    assert type(pipeline) is StableDiffusion3Pipeline
    asked = held_out_prompts(12)
    pictures = generate(pipeline, [prompt.text for prompt in asked], FOUR_STEPS, seed=7)
    passed = [check(p, a.scene.colour, a.scene.shape).passed for p, a in zip(pictures, asked, strict=True)]
    assert np.mean(passed) >= 0.8


def test_same_seed_draws_the_same_picture_and_another_seed_another(pipeline):
    pipeline.transformer.set_attn_processor(CountedAttention(256))
    prompts = ["a red circle on a white background", "a blue square on a black background"]
    first, again, other = (generate(pipeline, prompts, FOUR_STEPS, seed=s, zero_tokens=1) for s in (1, 1, 9))
    assert [p.tobytes() for p in first] == [p.tobytes() for p in again]
    assert all(a.tobytes() != b.tobytes() for a, b in zip(first, other, strict=True))


def test_counted_attention_draws_the_stock_pictures(pipeline):
    prompts = ["a yellow triangle on a grey background", "a pink circle on a black background"]
    stock = generate(pipeline, prompts, FOUR_STEPS, seed=3)
    pipeline.transformer.set_attn_processor(CountedAttention(256))
    counted = generate(pipeline, prompts, FOUR_STEPS, seed=3, zero_tokens=1)
    for ours, theirs in zip(counted, stock, strict=True):
        assert np.abs(np.asarray(ours, int) - np.asarray(theirs, int)).max() <= 1


def test_all_64_held_out_prompts_are_drawn_well(pipeline):
    pipeline.transformer.set_attn_processor(CountedAttention(256))
    metrics = shapes_accuracy(pipeline, SamplingConfig(steps=8, guidance=2.0), prompts=64)
    assert metrics["prompt_accuracy"] >= 0.9
    assert metrics["colour_accuracy"] >= 0.95
