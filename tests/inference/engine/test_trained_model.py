"""The engine on the small trained model in tests/fixtures: exact on real weights, and right to the eye."""

from pathlib import Path

import torch
from diffusers import DiffusionPipeline

from compute.recipes.shapes.checker import check
from compute.recipes.shapes.vocabulary import held_out_prompts
from inference.engine.engine import Engine
from inference.engine.requests import ModelKey, Request
from tests.inference.engine.conftest import Folders

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "shapes-tiny"
SHAPES = ModelKey("shapes", "1")


def test_unseen_prompts_are_drawn_in_shared_steps_as_the_stock_pipeline_draws_them():
    asked = held_out_prompts(10)
    with Engine(Folders(shapes=FIXTURE), max_rows=8) as engine:
        handles = [
            engine.submit(
                Request(
                    SHAPES,
                    prompt.text,
                    seed=number,
                    steps=3 + number % 4,
                    guidance=(1.0, 2.0)[number % 2],
                    keep_latents=True,
                )
            )
            for number, prompt in enumerate(asked)
        ]
        results = [handle.result(120) for handle in handles]
        assert engine.counts.calls < engine.counts.row_steps / 2
    passed = [check(r.picture, p.scene.colour, p.scene.shape).passed for r, p in zip(results, asked, strict=True)]
    assert sum(passed) >= 8
    stock = DiffusionPipeline.from_pretrained(FIXTURE)
    stock.set_progress_bar_config(disable=True)
    for result in results[:2]:
        given = result.parameters
        alone = stock(
            given["prompt"],
            num_inference_steps=given["steps"],
            guidance_scale=given["guidance"],
            generator=torch.Generator().manual_seed(given["seed"]),
            output_type="latent",
        ).images

        assert (alone - result.latents).abs().max().item() <= 1e-4
