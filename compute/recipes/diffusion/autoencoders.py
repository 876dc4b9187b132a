"""The frozen autoencoder that a latent recipe builds on, in whichever stock class it is saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeAlias

import torch
from diffusers import AutoencoderKL, VQModel
from torch import Tensor

from compute.recipes.refusal import Refused

Autoencoder: TypeAlias = AutoencoderKL | VQModel
KINDS = {kind.__name__: kind for kind in (AutoencoderKL, VQModel)}


def load_autoencoder(folder: Path) -> Autoencoder:
    """From a folder of its own, or from the `vae` or `vqvae` of a pipeline. Raises Refused for other classes."""
    for place in (folder, folder / "vae", folder / "vqvae"):
        file = place / "config.json"
        if file.exists():
            name = json.loads(file.read_text(encoding="utf-8")).get("_class_name")
            if name in KINDS:
                autoencoder = KINDS[name].from_pretrained(place, use_safetensors=True, dtype=torch.float32)
                return autoencoder.eval().requires_grad_(False)
    raise Refused(f"No autoencoder was found in {folder}: none of {', '.join(KINDS)}. Check 'autoencoder.id'.")


def side_factor(autoencoder: Autoencoder) -> int:
    """How many pixels a latent's side stands for."""
    return 2 ** (len(autoencoder.config.block_out_channels) - 1)


@torch.no_grad()
def encoded(autoencoder: Autoencoder, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the latents of pictures, scaled to about variance one."""
    unit = autoencoder.config.scaling_factor
    answer = autoencoder.encode(pictures)
    if isinstance(autoencoder, VQModel):
        return answer.latents * unit, torch.zeros_like(answer.latents)
    return answer.latent_dist.mean * unit, answer.latent_dist.std * unit


@torch.no_grad()
def decoded(autoencoder: Autoencoder, latents: Tensor) -> Tensor:
    return autoencoder.decode(latents / autoencoder.config.scaling_factor).sample
