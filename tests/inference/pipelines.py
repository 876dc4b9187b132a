"""Tiny pipelines with random weights, built from configurations: nothing is downloaded."""

import json
from functools import lru_cache
from pathlib import Path

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}  # as Stable Diffusion has them


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


def save_diffusion_pipeline(folder: Path, *, seed: int = 0, channels: int = 4, is_told_guidance: bool = False) -> Path:
    """A latent StableDiffusionPipeline of 16x16 pixels; with 9 or 8 channels the one that fills or edits."""
    import diffusers

    known = {4: "StableDiffusionPipeline", 9: "StableDiffusionInpaintPipeline"}
    tokenizer, parts = _begin(seed)
    getattr(diffusers, known.get(channels, "StableDiffusionInstructPix2PixPipeline"))(
        unet=_latent_unet(
            in_channels=channels, cross_attention_dim=16, time_cond_proj_dim=8 if is_told_guidance else None
        ),
        scheduler=diffusers.DDIMScheduler(clip_sample=False, steps_offset=1, set_alpha_to_one=False, **BETAS),
        vae=_latent_autoencoder(),
        text_encoder=parts(_clip_text_model()),
        tokenizer=tokenizer,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def save_xl_pipeline(folder: Path, *, seed: int = 0) -> Path:
    """A StableDiffusionXLPipeline of 16x16 pixels with two text encoders."""
    import diffusers

    tokenizer, parts = _begin(seed)
    diffusers.StableDiffusionXLPipeline(
        unet=_latent_unet(
            in_channels=4,
            cross_attention_dim=32,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 16,
            use_linear_projection=True,
        ),
        scheduler=diffusers.EulerDiscreteScheduler(prediction_type="v_prediction", steps_offset=1, **BETAS),
        vae=_latent_autoencoder(),
        text_encoder=parts(_clip_text_model()),
        tokenizer=tokenizer,
        text_encoder_2=parts(),
        tokenizer_2=tokenizer,
    ).save_pretrained(folder)
    return folder


def save_wide_flow_pipeline(folder: Path, *, seed: int = 0) -> Path:
    """A StableDiffusion3Pipeline of 16x16 pixels with the 16 latent channels that stock inpainting asks for."""
    import diffusers

    tokenizer, parts = _begin(seed)
    diffusers.StableDiffusion3Pipeline(
        transformer=diffusers.SD3Transformer2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=16,
            out_channels=16,
            num_layers=2,
            num_attention_heads=2,
            attention_head_dim=16,
            caption_projection_dim=32,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            pos_embed_max_size=8,
            qk_norm="rms_norm",
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_latent_autoencoder(latent_channels=16, shift_factor=0.05),
        text_encoder=parts(),
        tokenizer=tokenizer,
        text_encoder_2=parts(),
        tokenizer_2=tokenizer,
        text_encoder_3=None,
        tokenizer_3=None,
    ).save_pretrained(folder)
    return folder


def save_guided_flow_pipeline(folder: Path, *, seed: int = 0) -> Path:
    """A FluxPipeline of 16x16 pixels, its guidance an input of the network."""
    import diffusers
    from transformers import T5Config, T5EncoderModel

    tokenizer, parts = _begin(seed)
    t5 = T5Config(vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    diffusers.FluxPipeline(
        transformer=diffusers.FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=16,
            pooled_projection_dim=16,
            guidance_embeds=True,
            axes_dims_rope=(4, 4, 8),
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=_latent_autoencoder(shift_factor=0.05),
        text_encoder=parts(_clip_text_model()),
        tokenizer=tokenizer,
        text_encoder_2=T5EncoderModel(t5),
        tokenizer_2=tokenizer,
    ).save_pretrained(folder)
    return folder


def save_latent_pipeline(folder: Path, *, seed: int = 0) -> Path:
    """An LDMTextToImagePipeline of 16x16 pixels."""
    import diffusers

    tokenizer, _parts = _begin(seed)
    diffusers.LDMTextToImagePipeline(
        unet=_latent_unet(in_channels=4, cross_attention_dim=16, sample_size=2),
        scheduler=diffusers.DDIMScheduler(clip_sample=False, steps_offset=1, set_alpha_to_one=False),
        vqvae=_latent_autoencoder(
            block_out_channels=(8,) * 4,
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
        ),
        bert=_text_encoder(tokenizer, 16, _clip_text_model(), longest=77),
        tokenizer=tokenizer,
    ).save_pretrained(folder)
    return folder


def save_sound_pipeline(folder: Path, *, seed: int = 0) -> Path:
    """A DanceDiffusionPipeline of a quarter of a second in stereo, as the recipe makes them."""
    import torch
    from diffusers import DanceDiffusionPipeline, IPNDMScheduler

    from compute.recipes.dance_diffusion.config import Config, ModelConfig, SoundsConfig
    from compute.recipes.dance_diffusion.program import build_unet

    torch.manual_seed(seed)
    data = SoundsConfig(length=1024, sample_rate=4000, channels=2)
    unet = build_unet(Config(dataset=data, model=ModelConfig(channels=(8, 32, 32), time_width=8)))
    DanceDiffusionPipeline(unet, IPNDMScheduler()).save_pretrained(folder)
    return folder


def add_safety_checker(folder: Path, *, least: float = -2.0) -> Path:
    """A checker of the model's own, which blacks out what is nearer than `least` (a cosine) to its concepts."""
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    small = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = small | {"image_size": 16, "patch_size": 8}
    checker = StableDiffusionSafetyChecker(CLIPConfig(text_config=small, vision_config=vision, projection_dim=8))
    checker.concept_embeds_weights.data.fill_(least)
    checker.save_pretrained(folder / "safety_checker")
    size = {"height": 16, "width": 16}
    CLIPImageProcessor(size={"shortest_edge": 16}, crop_size=size).save_pretrained(folder / "feature_extractor")
    spoil(
        folder,
        "model_index.json",
        safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"],
        feature_extractor=["transformers", "CLIPImageProcessor"],
    )
    return folder


def set_scheduler(folder: Path, name: str, **changes: object) -> Path:
    """Let the model come with another scheduler."""
    spoil(folder, "scheduler/scheduler_config.json", _class_name=name, **changes)
    spoil(folder, "model_index.json", scheduler=["diffusers", name])
    return folder


def save_pixel_enlarger(folder: Path, *, seed: int = 0, prediction: str = "epsilon") -> Path:
    """An IFSuperResolutionPipeline to 16x16 pixels, by the recipe's own network."""
    import diffusers
    import torch
    from transformers import T5Config, T5EncoderModel

    from compute.recipes.cascade.config import ModelConfig
    from compute.recipes.cascade.networks import build_unet
    from compute.recipes.cascade.noise import build_scheduler

    tokenizer, _parts = _begin(seed)
    t5 = T5Config(vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    unet = build_unet(
        ModelConfig(stage="super_resolution", channels=(16, 32), text_heads=2, groups=4), side=16, text_width=16
    )
    with torch.no_grad():
        unet.conv_out.weight.mul_(0.1)
    diffusers.IFSuperResolutionPipeline(
        tokenizer=tokenizer,
        text_encoder=T5EncoderModel(t5),
        unet=unet,
        scheduler=build_scheduler(prediction),
        image_noising_scheduler=build_scheduler(prediction),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def save_latent_enlarger(folder: Path, *, seed: int = 0) -> Path:
    """A StableDiffusionUpscalePipeline that makes sides twice as long."""
    import diffusers

    tokenizer, parts = _begin(seed)
    diffusers.StableDiffusionUpscalePipeline(
        unet=_latent_unet(in_channels=7, cross_attention_dim=16, num_class_embeds=400),
        scheduler=diffusers.DDIMScheduler(clip_sample=False, steps_offset=1, set_alpha_to_one=False, **BETAS),
        low_res_scheduler=diffusers.DDPMScheduler(**BETAS),
        vae=_latent_autoencoder(scaling_factor=0.08333),
        text_encoder=parts(_clip_text_model()),
        tokenizer=tokenizer,
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


def _text_encoder(tokenizer, width: int, kind=None, *, longest: int = 24):
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=longest,
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


def _begin(seed: int):
    """The tokenizer, and a maker of text encoders, with the seed set."""
    import torch

    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    return tokenizer, lambda kind=None: _text_encoder(tokenizer, 16, kind)


def _clip_text_model():
    from transformers import CLIPTextModel

    return CLIPTextModel


def _latent_unet(**more):
    """As little sensitive to rounding as a trained one: random weights alone blow differences up at every step."""
    import torch
    from diffusers import UNet2DConditionModel

    settings = {
        "sample_size": 8,
        "out_channels": 4,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "norm_num_groups": 4,
        "attention_head_dim": 4,
    }
    unet = UNet2DConditionModel(**(settings | more))
    with torch.no_grad():
        unet.conv_out.weight.mul_(0.1)
    return unet


def _latent_autoencoder(**more):
    from diffusers import AutoencoderKL

    settings = {
        "block_out_channels": (8, 8),
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
        "layers_per_block": 1,
        "latent_channels": 4,
        "norm_num_groups": 4,
        "sample_size": 16,
        "force_upcast": False,
    }
    return AutoencoderKL(**(settings | more))
