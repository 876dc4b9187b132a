"""What adapters of a Stable Diffusion 3 stand on: a model of pixels of `text_to_image`, or any other on latents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel, StableDiffusion3Pipeline
from PIL import Image
from torch import Tensor

from compute.recipes.diffusion.drawing import drawn
from compute.recipes.mmdit.texts import SILENCE, absent_parts
from compute.recipes.text_to_image.base import network_of
from compute.recipes.text_to_image.config import SamplingConfig
from compute.recipes.text_to_image.model import CountedAttention, build_pipeline
from compute.recipes.text_to_image.sampling import generate


class FlowBase(Protocol):
    """Its transformer, and the shift of times that it was trained and draws with."""

    transformer: SD3Transformer2DModel
    shift: float

    def latents(self, pictures: Tensor) -> Tensor:
        """What the transformer sees of pictures (n, 3, height, width) in -1..1."""

    def said(self, captions: Sequence[str]) -> tuple[Tensor, Tensor]:
        """What it hears of captions: states (n, length, width) and pooled (n, width)."""

    def drawn(self, prompts: Sequence[str], *, steps: int, guidance: float, side: int, seed: int) -> list[Image.Image]:
        """One picture for each, number i from noise of seed + i."""


def load_flow_base(folder: Path, name: str, device: torch.device) -> FlowBase:
    """Frozen, on the device."""
    pipeline = StableDiffusion3Pipeline.from_pretrained(
        folder, use_safetensors=True, dtype=torch.float32, **absent_parts(folder)
    )
    return OnLatents(pipeline, device) if isinstance(pipeline.vae, AutoencoderKL) else OnPixels(pipeline, name, device)


class OnPixels:
    """A model of the recipe `text_to_image`. Raises Refused for others."""

    def __init__(self, pipeline: StableDiffusion3Pipeline, name: str, device: torch.device) -> None:
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

    def drawn(self, prompts: Sequence[str], *, steps: int, guidance: float, side: int, seed: int) -> list[Image.Image]:
        pipeline = build_pipeline(self.network, shift=self.shift).to(self._device)
        return generate(pipeline, prompts, SamplingConfig(steps=steps, guidance=guidance), seed=seed, zero_tokens=1)


class OnLatents:
    """Any finished pipeline on a KL autoencoder, asked as it stands."""

    def __init__(self, pipeline: StableDiffusion3Pipeline, device: torch.device) -> None:
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

    def drawn(self, prompts: Sequence[str], *, steps: int, guidance: float, side: int, seed: int) -> list[Image.Image]:
        options = {"num_inference_steps": steps, "guidance_scale": guidance, "height": side, "width": side}
        return drawn(self._pipeline, prompts, seed=seed, **options)
