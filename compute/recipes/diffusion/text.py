"""Latents from text: a CLIP-style encoder and a UNet with cross-attention, trained together."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from compute.recipes.data.cutting import Reading
from compute.recipes.data.pictures import Bucket
from compute.recipes.diffusion.checking import Asked
from compute.recipes.diffusion.config import UNetConfig
from compute.recipes.diffusion.recipe import LatentRecipe
from compute.recipes.refusal import Refused
from compute.recipes.shapes.vocabulary import held_out_prompts
from compute.recipes.text_to_image.tokenizer import build_tokenizer, text_config


def build_text_encoder(config: UNetConfig, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    encoder = CLIPTextModel(text_config(config, tokenizer))
    # CLIP's own start (0.02) suits long training; from scratch in minutes, words must differ at once.
    with torch.no_grad():
        encoder.get_input_embeddings().weight.normal_(std=0.5)
    return encoder


def build_unet(config: UNetConfig, *, in_channels: int, out_channels: int, side: int) -> UNet2DConditionModel:
    sizes = len(config.channels)
    return UNet2DConditionModel(
        sample_size=side,
        in_channels=in_channels,
        out_channels=out_channels,
        down_block_types=("CrossAttnDownBlock2D",) * sizes,
        up_block_types=("CrossAttnUpBlock2D",) * sizes,
        block_out_channels=config.channels,
        layers_per_block=config.layers,
        attention_head_dim=config.heads,  # in this class the name of the number of heads
        cross_attention_dim=config.text_width,
        norm_num_groups=config.groups,
    )


class CaptionedRecipe(LatentRecipe):
    """Draws what captions say."""

    def require(self) -> None:
        super().require()
        if not self.config.dataset.caption_column:
            raise Refused("Set 'dataset.caption_column': a model of text learns from captions.")

    def asked(self, count: int) -> list[Asked]:
        if self.config.sampling.checker == "shapes":
            return [Asked(p.text, colour=p.scene.colour, shape=p.scene.shape) for p in held_out_prompts(count)]
        return [Asked(text) for text in list(dict.fromkeys(self.test.captions))[:count]]

    def drawing(self) -> dict[str, Any]:
        side = self.config.dataset.size
        return {"height": side, "width": side}


class TextRecipe(CaptionedRecipe):
    """Subclasses bring the stock pipeline."""

    encoder: ClassVar[str] = "text_encoder"  # as the stock pipeline calls it
    tokens: int  # of a prompt, as the stock pipeline pads it
    tokens_key: ClassVar[str] = ""  # what sets it for a model from nothing

    def build_networks(self) -> nn.Module:
        if self.base:
            pipeline = self.finished(self.base)
            self.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
            self.tokenizer, self.unet = pipeline.tokenizer, pipeline.unet
            self.text_encoder = getattr(pipeline, self.encoder)
        else:
            self._begin()
        self.tokenise()
        return nn.ModuleDict({"text_encoder": self.text_encoder, "unet": self.unet})

    def _begin(self) -> None:
        """From nothing."""
        model, latents = self.config.model, self.latents[0].mean
        self.tokenizer = build_tokenizer(self.pictures.captions, merges=model.merges, max_tokens=model.max_tokens)
        self.text_encoder = build_text_encoder(model, self.tokenizer)
        channels = latents.shape[1]
        self.unet = build_unet(model, in_channels=channels, out_channels=channels, side=latents.shape[2])

    def readings(self) -> list[Reading]:
        key = "" if self.base else self.tokens_key
        return [Reading(self.pictures.captions, self.tokenizer, self.tokens, key=key)]

    def tokenise(self) -> None:
        """Turns all captions to tokens, once."""
        self._nothing = self._tokens([""])[0]
        self._all_tokens = {id(bucket): self._tokens(bucket.captions) for bucket in self._all_buckets()}

    def answer(
        self, noisy: Tensor, times: Tensor, bucket: Bucket, rows: Tensor, random: torch.Generator | None
    ) -> Tensor:
        return self.unet(noisy, times, self.states(bucket, rows, random)).sample

    def states(self, bucket: Bucket, rows: Tensor, random: torch.Generator | None) -> Tensor:
        """What the text encoder says of the captions, some of them dropped."""
        tokens = self._all_tokens[id(bucket)][rows]
        if random is not None:
            dropped = torch.rand(len(rows), generator=random) < self.config.training.condition_dropout
            tokens = torch.where(dropped[:, None], self._nothing, tokens)
        return self.text_encoder(tokens.to(self.device))[0]

    def _all_buckets(self) -> list[Bucket]:
        return [*self.pictures.buckets, *self.test.buckets]

    def _tokens(self, captions: list[str]) -> Tensor:
        encoded = self.tokenizer(
            captions, padding="max_length", max_length=self.tokens, truncation=True, return_tensors="pt"
        )
        tokens: Tensor = encoded.input_ids
        return tokens
