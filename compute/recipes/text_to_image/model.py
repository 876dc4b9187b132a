"""The parts of the model, built from their sizes alone, and the pipeline made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from diffusers import (
    AutoencoderTiny,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from torch import Tensor, nn
from transformers import (
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from compute.recipes.text_to_image.config import ModelConfig
from compute.recipes.text_to_image.tokenizer import TextSizes, text_config

# The latent is a small multiple of the picture, so that the decoder's soft clamp
# (3 * tanh(x / 3)) stays straight: the error is below 1e-5 of the range.
LATENT_UNIT = 1.0 / 64.0
# AutoencoderTiny's decoder has a ReLU after its first layer; this keeps values above zero.
ABOVE_ZERO = 4.0


class TransformerSizes(Protocol):
    """The members of a configuration that size a transformer."""

    @property
    def patch(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def heads(self) -> int: ...


@dataclass
class Network:
    """What is trained: two text encoders and the transformer, with their tokenizer."""

    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModelWithProjection
    text_encoder_2: CLIPTextModelWithProjection
    transformer: SD3Transformer2DModel

    @property
    def modules(self) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "text_encoder": self.text_encoder,
                "text_encoder_2": self.text_encoder_2,
                "transformer": self.transformer,
            }
        )

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (batch, length) to states (batch, length + 1, 2 x width) and pooled (batch, 2 x width).

        The row of zeros at the end stands for the places of the third encoder, which
        are all zero in the pipeline; see `CountedAttention`.
        """
        first = self.text_encoder(tokens, output_hidden_states=True)
        second = self.text_encoder_2(tokens, output_hidden_states=True)
        states = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
        states = torch.nn.functional.pad(states, (0, 0, 0, 1))
        return states, torch.cat([first.text_embeds, second.text_embeds], dim=-1)


def build_network(config: ModelConfig, tokenizer: CLIPTokenizer, *, picture_size: int) -> Network:
    """Random weights from torch's global generator; modulation and output start at zero."""
    network = Network(
        tokenizer=tokenizer,
        text_encoder=build_text_encoder(config, tokenizer),
        text_encoder_2=build_text_encoder(config, tokenizer),
        transformer=build_transformer(
            config, side=picture_size, channels=3, states=2 * config.text_width, pooled=2 * config.text_width
        ),
    )
    network.modules.to(torch.float32)
    return network


def build_pipeline(network: Network, *, shift: float) -> StableDiffusion3Pipeline:
    """The stock pipeline around `network`."""
    no_words = silent_tokenizer()
    return StableDiffusion3Pipeline(
        transformer=network.transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=shift),
        vae=identity_autoencoder(),
        text_encoder=network.text_encoder,
        tokenizer=network.tokenizer,
        text_encoder_2=network.text_encoder_2,
        tokenizer_2=network.tokenizer,
        text_encoder_3=silent_encoder(network.transformer.config.joint_attention_dim, len(no_words)),
        tokenizer_3=no_words,
    )


def identity_autoencoder() -> AutoencoderTiny:
    """An autoencoder that changes nothing, so that a model of pixels loads as a latent one."""
    autoencoder = AutoencoderTiny(
        encoder_block_out_channels=(3,),
        decoder_block_out_channels=(3,),
        num_encoder_blocks=(0,),
        num_decoder_blocks=(0,),
        latent_channels=3,
        scaling_factor=1.0 / LATENT_UNIT,
        shift_factor=0.0,
    )
    first, last = autoencoder.encoder.layers[0], autoencoder.encoder.layers[-1]
    # The encoder sees pixels in 0..1: it doubles, subtracts one, and shrinks to the latent unit.
    _set_pointwise(first, scale=2.0, offset=-1.0)
    _set_pointwise(last, scale=LATENT_UNIT, offset=0.0)
    first, last = autoencoder.decoder.layers[0], autoencoder.decoder.layers[-1]
    _set_pointwise(first, scale=0.5 / LATENT_UNIT, offset=0.5 + ABOVE_ZERO)
    _set_pointwise(last, scale=1.0, offset=-ABOVE_ZERO)
    autoencoder.requires_grad_(False)
    return autoencoder


def silent_tokenizer() -> T5Tokenizer:
    """Of the encoder that answers with zeros, whatever it is given."""
    return T5Tokenizer(vocab=[("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)], extra_ids=0)


def silent_encoder(width: int, words: int) -> T5EncoderModel:
    """A third text encoder that answers every prompt with zeros, (batch, length, width).

    Zeros are what the stock pipeline uses when the third encoder is None. But then it loads
    only for those who say `text_encoder_3=None, tokenizer_3=None`; with this one of a few
    thousand weights, `DiffusionPipeline.from_pretrained(name)` is enough. Both give the
    same pictures.
    """
    config = T5Config(vocab_size=words, d_model=width, d_kv=1, num_heads=1, d_ff=1, num_layers=1, dropout_rate=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # weights that nobody sees, and the same file each time
        encoder = T5EncoderModel(config)
    nn.init.zeros_(encoder.encoder.final_layer_norm.weight)
    encoder.requires_grad_(False)
    return encoder


class CountedAttention:
    """Joint attention in which the last text token counts `padding` times.

    The stock pipeline appends 256 equal zero tokens for the silent third encoder.
    Equal tokens stay equal through every layer, and n equal keys weigh as much as one key
    whose score is raised by log n. So training carries one such token, at the cost of one,
    and sees exactly what the pipeline will show the model.
    """

    def __init__(self, padding: int) -> None:
        self.score = math.log(padding)

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        def heads(x: Tensor) -> Tensor:
            return x.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        pictures = hidden_states.shape[1]
        query = attn.norm_q(heads(attn.to_q(hidden_states)))
        key = attn.norm_k(heads(attn.to_k(hidden_states)))
        value = heads(attn.to_v(hidden_states))
        text_query = attn.norm_added_q(heads(attn.add_q_proj(encoder_hidden_states)))
        text_key = attn.norm_added_k(heads(attn.add_k_proj(encoder_hidden_states)))
        text_value = heads(attn.add_v_proj(encoder_hidden_states))
        query = torch.cat([query, text_query], dim=2)
        key = torch.cat([key, text_key], dim=2)
        value = torch.cat([value, text_value], dim=2)
        scores = query.new_zeros(key.shape[2])
        scores[-1] = self.score
        mixed = nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=scores.expand(query.shape[2], -1)
        )
        mixed = mixed.transpose(1, 2).flatten(2)
        picture, text = mixed[:, :pictures], mixed[:, pictures:]
        if not attn.context_pre_only:
            text = attn.to_add_out(text)
        return attn.to_out[0](picture), text


def build_text_encoder(config: TextSizes, tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    encoder = CLIPTextModelWithProjection(text_config(config, tokenizer))
    # CLIP's own start (0.02) suits long training; from scratch in minutes, words must differ at once.
    with torch.no_grad():
        encoder.get_input_embeddings().weight.normal_(std=0.5)
        encoder.text_model.embeddings.position_embedding.weight.normal_(std=0.1)
    return encoder


def build_transformer(
    config: TransformerSizes, *, side: int, channels: int, states: int, pooled: int, reach: int = 2
) -> SD3Transformer2DModel:
    """Random weights; modulation and output start at zero. For (n, `channels`, `side`, `side`), and for up to `reach`
    times the side; `states` and `pooled` are the widths of what it hears."""
    transformer = SD3Transformer2DModel(
        sample_size=side,
        patch_size=config.patch,
        in_channels=channels,
        out_channels=channels,
        num_layers=config.layers,
        num_attention_heads=config.heads,
        attention_head_dim=config.width // config.heads,
        caption_projection_dim=config.width,
        joint_attention_dim=states,
        pooled_projection_dim=pooled,
        pos_embed_max_size=reach * side // config.patch,
        qk_norm="rms_norm",
    )
    starts_at_zero = [transformer.proj_out, transformer.norm_out.linear]
    for block in transformer.transformer_blocks:
        starts_at_zero += [block.norm1.linear, block.norm1_context.linear]
    for linear in starts_at_zero:
        nn.init.zeros_(linear.weight)
        nn.init.zeros_(linear.bias)
    return transformer


def _set_pointwise(convolution: nn.Module, *, scale: float, offset: float) -> None:
    with torch.no_grad():
        convolution.weight.zero_()
        for channel in range(3):
            convolution.weight[channel, channel, 1, 1] = scale
        convolution.bias.fill_(offset)
