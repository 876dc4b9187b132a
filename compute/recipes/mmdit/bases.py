"""What adapters and students of a Stable Diffusion 3 stand on: a model of `text_to_image`, or any other on latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel, StableDiffusion3Pipeline
from torch import Tensor

from compute.recipes.data.cutting import Reading
from compute.recipes.diffusion.drawing import placed
from compute.recipes.mmdit.texts import SILENCE, absent_parts, readings_of
from compute.recipes.text_to_image.base import network_of
from compute.recipes.text_to_image.model import CountedAttention, build_pipeline

ADAPTERS_OF_IMAGES = ("image_encoder", "feature_extractor")  # which these models do without


class FlowBase(Protocol):
    """Its frozen transformer, the shift of times that it was trained and draws with, the `places` of its third
    encoder that a pipeline of it is asked for, and the parts that it was saved without."""

    transformer: SD3Transformer2DModel
    shift: float
    places: int
    absent: dict[str, None]

    def latents(self, pictures: Tensor) -> Tensor:
        """What the transformer sees of pictures (n, 3, height, width) in -1..1."""

    def said(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """What it hears of captions: states (n, length, width) and pooled (n, width)."""

    def readings(self, captions: Sequence[str]) -> list[Reading]:
        """How captions are taken apart."""

    def around(self, transformer: SD3Transformer2DModel) -> StableDiffusion3Pipeline:
        """The stock pipeline, with this transformer for its own."""

    def prepare(self, pipeline: StableDiffusion3Pipeline) -> StableDiffusion3Pipeline:
        """A pipeline of this kind that was loaded, ready to be asked for `places`."""


def load_flow_base(folder: Path, name: str, device: torch.device) -> FlowBase:
    """Frozen, on the device."""
    absent = absent_parts(folder)
    pipeline = StableDiffusion3Pipeline.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **absent)
    if isinstance(pipeline.vae, AutoencoderKL):
        return OnLatents(pipeline, absent, device)
    return OnPixels(pipeline, name, device)


class OnPixels:
    """A model of the recipe `text_to_image`. Raises Refused for others."""

    places = 1

    def __init__(self, pipeline: StableDiffusion3Pipeline, name: str, device: torch.device) -> None:
        self.absent: dict[str, None] = {}
        self.network, self.shift = network_of(pipeline, name), pipeline.scheduler.config.shift
        self.network.modules.requires_grad_(False).to(device)
        self.transformer = self.network.transformer
        self.transformer.set_attn_processor(CountedAttention(SILENCE))
        self._device = device

    def latents(self, pictures: Tensor) -> Tensor:
        return pictures.to(self._device)

    def said(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        encoded = self.network.tokenizer(list(captions), padding="max_length", truncation=True, return_tensors="pt")
        return self.network.encode(encoded.input_ids.to(self._device))

    def readings(self, captions: Sequence[str]) -> list[Reading]:
        return [Reading(captions, self.network.tokenizer, self.network.tokenizer.model_max_length)]

    def around(self, transformer: SD3Transformer2DModel) -> StableDiffusion3Pipeline:
        return placed(build_pipeline(replace(self.network, transformer=transformer), shift=self.shift), self._device)

    def prepare(self, pipeline: StableDiffusion3Pipeline) -> StableDiffusion3Pipeline:
        pipeline.transformer.set_attn_processor(CountedAttention(SILENCE))
        return pipeline.to(self._device)


class OnLatents:
    """Any finished pipeline on a KL autoencoder, asked as it stands."""

    places = SILENCE

    def __init__(self, pipeline: StableDiffusion3Pipeline, absent: dict[str, None], device: torch.device) -> None:
        self.absent = absent
        self._pipeline: Any = pipeline.to(device)
        self._pipeline.set_progress_bar_config(disable=True)
        for part in self._pipeline.components.values():
            if isinstance(part, torch.nn.Module):
                part.requires_grad_(False).eval()
        self.transformer, self.shift = self._pipeline.transformer, self._pipeline.scheduler.config.shift
        self._device = device

    @torch.no_grad()
    def latents(self, pictures: Tensor) -> Tensor:
        autoencoder = self._pipeline.vae
        mean: Tensor = autoencoder.encode(pictures.to(self._device)).latent_dist.mean
        return (mean - (autoencoder.config.shift_factor or 0.0)) * autoencoder.config.scaling_factor

    @torch.no_grad()
    def said(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        states, _, pooled, _ = self._pipeline.encode_prompt(
            prompt=list(captions), prompt_2=None, prompt_3=None, do_classifier_free_guidance=False, device=self._device
        )
        return states, pooled

    def readings(self, captions: Sequence[str]) -> list[Reading]:
        return readings_of(self._pipeline, captions)

    def around(self, transformer: SD3Transformer2DModel) -> StableDiffusion3Pipeline:
        parts = {name: part for name, part in self._pipeline.components.items() if name not in ADAPTERS_OF_IMAGES}
        return placed(StableDiffusion3Pipeline(**parts | {"transformer": transformer}), self._device)

    def prepare(self, pipeline: StableDiffusion3Pipeline) -> StableDiffusion3Pipeline:
        return pipeline.to(self._device)
