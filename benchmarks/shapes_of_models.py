"""Models of known shapes with random weights: the arithmetic of the originals, and none of their bytes.

`tiny` makes the same classes small enough for a processor.
"""

from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from compute.recipes.text_to_image.tokenizer import build_tokenizer

TOKENS = 77
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def save_sd15(folder: Path, *, tiny: bool) -> None:
    tokenizer = _tokenizer()
    width = 16 if tiny else 768
    diffusers.StableDiffusionPipeline(
        unet=_unet(tiny, cross_attention_dim=width, **({} if tiny else {"attention_head_dim": 8})),
        scheduler=diffusers.DDIMScheduler(clip_sample=False, steps_offset=1, set_alpha_to_one=False, **BETAS),
        vae=_autoencoder(tiny, channels=4),
        text_encoder=_texts(CLIPTextModel, tokenizer, width, tiny=tiny, layers=12, heads=12),
        tokenizer=tokenizer,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to(dtype=torch.bfloat16).save_pretrained(folder)


def save_sdxl(folder: Path, *, tiny: bool) -> None:
    tokenizer = _tokenizer()
    one, two = (16, 16) if tiny else (768, 1280)
    blocks: dict[str, Any] = {
        "cross_attention_dim": one + two,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8 if tiny else 256,
        "projection_class_embeddings_input_dim": 6 * 8 + two if tiny else 6 * 256 + two,
        "use_linear_projection": True,
    }
    if not tiny:
        blocks |= {
            "sample_size": 128,
            "block_out_channels": (320, 640, 1280),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "attention_head_dim": (5, 10, 20),
            "transformer_layers_per_block": (1, 2, 10),
        }
    diffusers.StableDiffusionXLPipeline(
        unet=_unet(tiny, **blocks),
        scheduler=diffusers.EulerDiscreteScheduler(steps_offset=1, **BETAS),
        vae=_autoencoder(tiny, channels=4),
        text_encoder=_texts(CLIPTextModel, tokenizer, one, tiny=tiny, layers=12, heads=12),
        tokenizer=tokenizer,
        text_encoder_2=_texts(CLIPTextModelWithProjection, tokenizer, two, tiny=tiny, layers=32, heads=20),
        tokenizer_2=tokenizer,
    ).to(dtype=torch.bfloat16).save_pretrained(folder)


def save_sd3_medium(folder: Path, *, tiny: bool) -> None:
    """Without its largest text encoder, whose place the stock pipeline fills with zeros."""
    tokenizer = _tokenizer()
    one, two = (16, 16) if tiny else (768, 1280)
    diffusers.StableDiffusion3Pipeline(
        transformer=sd3_medium_transformer(tiny=tiny),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_autoencoder(tiny, channels=16, shift_factor=0.05),
        text_encoder=_texts(CLIPTextModelWithProjection, tokenizer, one, tiny=tiny, layers=12, heads=12),
        tokenizer=tokenizer,
        text_encoder_2=_texts(CLIPTextModelWithProjection, tokenizer, two, tiny=tiny, layers=32, heads=20),
        tokenizer_2=tokenizer,
        text_encoder_3=None,
        tokenizer_3=None,
    ).to(dtype=torch.bfloat16).save_pretrained(folder)


def sd3_medium_transformer(*, tiny: bool = False) -> SD3Transformer2DModel:
    torch.manual_seed(0)
    if tiny:
        sizes = {"sample_size": 8, "num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 16}
        sizes |= {"caption_projection_dim": 32, "joint_attention_dim": 32, "pooled_projection_dim": 32}
        sizes |= {"pos_embed_max_size": 8}
    else:
        sizes = {"sample_size": 128, "num_layers": 24, "num_attention_heads": 24, "attention_head_dim": 64}
        sizes |= {"caption_projection_dim": 1536, "joint_attention_dim": 4096, "pooled_projection_dim": 2048}
        sizes |= {"pos_embed_max_size": 192}
    return SD3Transformer2DModel(patch_size=2, in_channels=16, out_channels=16, **sizes)


def _unet(tiny: bool, **more: Any) -> UNet2DConditionModel:
    torch.manual_seed(0)
    if tiny:
        more |= {
            "sample_size": 8,
            "block_out_channels": (8, 16),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "norm_num_groups": 4,
            "attention_head_dim": 2,
        }
    return UNet2DConditionModel(**({"sample_size": 64} | more))


def _autoencoder(tiny: bool, *, channels: int, **more: Any) -> AutoencoderKL:
    widths = (8, 8) if tiny else (128, 256, 512, 512)
    return AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        layers_per_block=1 if tiny else 2,
        norm_num_groups=4 if tiny else 32,
        latent_channels=channels,
        sample_size=16 if tiny else 512,
        **more,
    )


def _texts(kind: Any, tokenizer: CLIPTokenizer, width: int, *, tiny: bool, layers: int, heads: int) -> Any:
    return kind(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=4 * width,
            projection_dim=width,
            num_hidden_layers=2 if tiny else layers,
            num_attention_heads=2 if tiny else heads,
            max_position_embeddings=TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _tokenizer() -> CLIPTokenizer:
    return build_tokenizer(["a red circle on a white background"], merges=16, max_tokens=TOKENS)
