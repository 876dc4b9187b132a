"""The network of a stage, as the stock pipelines call it."""

from __future__ import annotations

import torch
from diffusers import UNet2DConditionModel

from compute.recipes.cascade.config import ModelConfig

COLOURS = 3


def build_unet(config: ModelConfig, *, side: int, text_width: int) -> UNet2DConditionModel:
    """Answers with noise or velocity and with spread, three channels each; told the text, and what it enlarges with
    its noise level.

    The spread begins at its least, which is right where all is known.
    """
    plain = len(config.channels) - 1
    enlarges = config.stage == "super_resolution"
    unet = UNet2DConditionModel(
        sample_size=side,
        in_channels=2 * COLOURS if enlarges else COLOURS,
        out_channels=2 * COLOURS,
        down_block_types=(*["ResnetDownsampleBlock2D"] * plain, "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", *["ResnetUpsampleBlock2D"] * plain),
        block_out_channels=config.channels,
        layers_per_block=config.layers,
        attention_head_dim=config.head_width,
        cross_attention_dim=config.channels[-1],
        encoder_hid_dim=text_width,
        encoder_hid_dim_type="text_proj",
        addition_embed_type="text",
        addition_embed_type_num_heads=config.text_heads,
        class_embed_type="timestep" if enlarges else None,
        resnet_time_scale_shift="scale_shift",
        norm_num_groups=config.groups,
    )
    with torch.no_grad():
        unet.conv_out.weight[COLOURS:] = 0.0
        unet.conv_out.bias[COLOURS:] = -1.0
    return unet
