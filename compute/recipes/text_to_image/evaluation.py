"""Measures a finished pipeline: does it draw what held-out prompts ask for?"""

from __future__ import annotations

from diffusers import StableDiffusion3Pipeline

from compute.recipes.shapes.checker import check
from compute.recipes.shapes.vocabulary import held_out_prompts
from compute.recipes.text_to_image.config import SamplingConfig
from compute.recipes.text_to_image.sampling import generate

FIRST_SEED = 1_000


def shapes_accuracy(pipeline: StableDiffusion3Pipeline, sampling: SamplingConfig, *, prompts: int) -> dict[str, float]:
    """Shares, 0 to 1, over prompts on combinations that training never showed.

    `prompt_accuracy` counts a picture when colour and shape are both right. The pipeline's
    transformer must use `CountedAttention`.
    """
    asked = held_out_prompts(prompts)
    pictures = generate(pipeline, [prompt.text for prompt in asked], sampling, seed=FIRST_SEED, zero_tokens=1)
    verdicts = [
        check(picture, prompt.scene.colour, prompt.scene.shape) for picture, prompt in zip(pictures, asked, strict=True)
    ]
    pairs = list(zip(verdicts, asked, strict=True))
    return {
        "prompt_accuracy": sum(v.passed for v in verdicts) / prompts,
        "colour_accuracy": sum(v.colour == p.scene.colour for v, p in pairs) / prompts,
        "shape_accuracy": sum(v.shape == p.scene.shape for v, p in pairs) / prompts,
        "background_accuracy": sum(v.background == p.scene.background for v, p in pairs) / prompts,
    }
