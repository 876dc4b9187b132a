"""The autoencoder in its stock class, and the discriminator that it is trained against."""

from __future__ import annotations

from typing import TypeAlias

import torch
from diffusers import AutoencoderKL, VQModel
from torch import Tensor, nn

from compute.recipes.autoencoder.config import ModelConfig

FIRST_LOG_VARIANCE = -6.0

Autoencoder: TypeAlias = AutoencoderKL | VQModel


def build_autoencoder(config: ModelConfig, *, size: int) -> Autoencoder:
    """Random weights from torch's global generator."""
    blocks = len(config.channels)
    sizes = {
        "down_block_types": ("DownEncoderBlock2D",) * blocks,
        "up_block_types": ("UpDecoderBlock2D",) * blocks,
        "block_out_channels": config.channels,
        "layers_per_block": config.layers,
        "norm_num_groups": config.groups,
        "latent_channels": config.latent_channels,
        "sample_size": size,
        "mid_block_add_attention": config.attention,
    }
    if config.kind == "kl":
        autoencoder = AutoencoderKL(**sizes)
        with torch.no_grad():
            # Latents drawn at variance one would drown what the encoder says for hundreds of steps.
            autoencoder.quant_conv.bias[config.latent_channels :] = FIRST_LOG_VARIANCE
        return autoencoder
    return VQModel(**sizes, num_vq_embeddings=config.codes)


@torch.no_grad()
def start_codebook(autoencoder: VQModel, pictures: Tensor, random: torch.Generator) -> None:
    """Codes begin at latents of real pictures: begun at random, most would never be the nearest one."""
    latents = autoencoder.encode(pictures).latents.permute(0, 2, 3, 1).flatten(0, 2)
    codes = autoencoder.quantize.embedding.weight
    chosen = torch.randint(len(latents), (len(codes),), generator=random)
    spread = latents.std(dim=0)
    codes.copy_(latents[chosen] + 0.1 * spread * torch.randn(codes.shape, generator=random))


def last_layer(autoencoder: Autoencoder) -> Tensor:
    return autoencoder.decoder.conv_out.weight


def build_discriminator(width: int) -> nn.Module:
    """Judges patches: (n, 3, height, width) to (n, 1, height / 4, width / 4), high for real."""
    return nn.Sequential(
        nn.Conv2d(3, width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
        nn.GroupNorm(8, 2 * width),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 1, 3, padding=1),
    )
