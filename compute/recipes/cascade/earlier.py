"""A finished stage that is trained further."""

from __future__ import annotations

from typing import Any

import torch

from compute.recipes.cascade.networks import COLOURS
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.training.bases import folder_of

# Parts of the stock pipelines that have no part in training.
ABSENT = {"safety_checker": None, "feature_extractor": None, "watermarker": None, "requires_safety_checker": False}


def load_stage(source: Source, kind: Any, *, side: int, seen: int) -> Any:
    """The stage as its stock class loads it, in full precision. Raises Refused unless it draws pictures of `side`
    pixels out of `seen` channels and chooses its variance, as the stages of this recipe do."""
    pipeline = kind.from_pretrained(folder_of(source), use_safetensors=True, dtype=torch.float32, **ABSENT)
    facts = pipeline.unet.config
    if facts.sample_size != side:
        raise Refused(f"{source.id} draws pictures of {facts.sample_size} pixels. Set 'dataset.size' to that.")
    tells_noise_level = seen == COLOURS or facts.class_embed_type == "timestep"
    chooses = facts.out_channels == 2 * COLOURS and pipeline.scheduler.config.variance_type == "learned_range"
    if facts.in_channels != seen or not tells_noise_level or not chooses:
        raise Refused(
            f"{source.id} is built otherwise than the stages of this recipe: {facts.in_channels} channels go in (here "
            f"{seen}), {facts.out_channels} come out (here {2 * COLOURS}). Choose another 'earlier.id'."
        )
    return pipeline
