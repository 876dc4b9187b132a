"""Starts from a finished pipeline of this recipe instead of random weights."""

from __future__ import annotations

from pathlib import Path

from diffusers import AutoencoderTiny, DiffusionPipeline, StableDiffusion3Pipeline
from huggingface_hub import HfApi

from compute.recipes.hub import told_as_refusal
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.config import ModelConfig
from compute.recipes.text_to_image.model import Network


def look_up_base(config: ModelConfig) -> Source:
    """The exact commit of the base model; a local folder stands for itself."""
    if Path(config.base).is_dir():
        return Source(config.base, "local")
    with told_as_refusal(
        f"The base model {config.base} at {config.base_revision} cannot be read",
        "Check 'model.base', and that the token in HF_TOKEN may read it.",
    ):
        info = HfApi().model_info(config.base, revision=config.base_revision)
    return Source(config.base, str(info.sha))


def load_base(config: ModelConfig, source: Source) -> Network:
    """The network inside the base pipeline. Raises Refused when this recipe did not make it."""
    revision = {} if source.revision == "local" else {"revision": source.revision}
    pipeline = DiffusionPipeline.from_pretrained(config.base, use_safetensors=True, **revision)
    return network_of(pipeline, config.base)


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
