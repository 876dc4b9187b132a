"""Tiny pipelines with random weights, built from configurations: nothing is downloaded."""

import json
from functools import lru_cache
from pathlib import Path


def save_flow_pipeline(folder: Path, *, seed: int = 0, width: int = 32) -> Path:
    """A StableDiffusion3Pipeline of 16x16 pixels with two text encoders and no third."""
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline

    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    text_width = 16
    StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=16,
            patch_size=4,
            in_channels=3,
            out_channels=3,
            num_layers=2,
            num_attention_heads=2,
            attention_head_dim=width // 2,
            caption_projection_dim=width,
            joint_attention_dim=2 * text_width,
            pooled_projection_dim=2 * text_width,
            pos_embed_max_size=8,
            qk_norm="rms_norm",
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=2.0),
        vae=_autoencoder(),
        text_encoder=_text_encoder(tokenizer, text_width),
        tokenizer=tokenizer,
        text_encoder_2=_text_encoder(tokenizer, text_width),
        tokenizer_2=tokenizer,
        text_encoder_3=None,
        tokenizer_3=None,
    ).save_pretrained(folder)
    return folder


def save_unet_pipeline(folder: Path, *, seed: int = 0) -> Path:
    """A StableDiffusionPipeline of 16x16 pixels: a family the engine does not batch."""
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel

    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    StableDiffusionPipeline(
        unet=UNet2DConditionModel(
            sample_size=16,
            in_channels=3,
            out_channels=3,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=16,
            norm_num_groups=4,
            attention_head_dim=4,
        ),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        vae=_autoencoder(),
        text_encoder=_text_encoder(tokenizer, 16, CLIPTextModel),
        tokenizer=tokenizer,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def spoil(folder: Path, file: str, **changes: object) -> None:
    """Change members of a JSON file in the folder."""
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@lru_cache
def _tokenizer():
    from transformers import CLIPTokenizer

    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(byte) for byte in visible] + [chr(256 + index) for index in range(256 - len(visible))]
    tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=24)


def _text_encoder(tokenizer, width: int, kind=None):
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=24,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_factor=10.0,
    )
    return (kind or CLIPTextModelWithProjection)(config)


def _autoencoder():
    from diffusers import AutoencoderTiny

    return AutoencoderTiny(
        encoder_block_out_channels=(8,),
        decoder_block_out_channels=(8,),
        num_encoder_blocks=(1,),
        num_decoder_blocks=(1,),
        latent_channels=3,
    )
