"""Pictures from a pipeline, each with a seed of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import StableDiffusion3Pipeline
from PIL import Image

from compute.recipes.text_to_image.config import SamplingConfig

TOGETHER = 16  # pictures in one call: more gains nothing on a processor


def generate(
    pipeline: StableDiffusion3Pipeline,
    prompts: Sequence[str],
    config: SamplingConfig,
    *,
    seed: int,
    zero_tokens: int = 256,
) -> list[Image.Image]:
    """One picture for each prompt. Prompt number i starts from noise of seed + i.

    `zero_tokens` is the pipeline's `max_sequence_length`: the number of places it fills
    with zeros for the silent third encoder. With `CountedAttention` one is enough.
    """
    pipeline.set_progress_bar_config(disable=True)
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), TOGETHER):
        some = list(prompts[start : start + TOGETHER])
        pictures += pipeline(
            prompt=some,
            num_inference_steps=config.steps,
            guidance_scale=config.guidance,
            max_sequence_length=zero_tokens,
            generator=[torch.Generator().manual_seed(seed + start + i) for i in range(len(some))],
        ).images
    return pictures
