"""The network inside a finished pipeline of this recipe."""

from __future__ import annotations

from pathlib import Path

from diffusers import AutoencoderTiny, DiffusionPipeline, StableDiffusion3Pipeline

from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.model import Network


def load_base(folder: Path, name: str) -> Network:
    """To start from instead of random weights. Raises Refused when this recipe did not make it."""
    return network_of(DiffusionPipeline.from_pretrained(folder, use_safetensors=True), name)


def network_of(pipeline: DiffusionPipeline, name: str) -> Network:
    """The network inside a pipeline. Raises Refused when this recipe did not make it."""
    if not isinstance(pipeline, StableDiffusion3Pipeline) or not isinstance(pipeline.vae, AutoencoderTiny):
        raise Refused(f"The base model {name} was not made by this recipe. Choose one that was, or none.")
    return Network(
        tokenizer=pipeline.tokenizer,
        text_encoder=pipeline.text_encoder.float(),
        text_encoder_2=pipeline.text_encoder_2.float(),
        transformer=pipeline.transformer.float(),
    )
