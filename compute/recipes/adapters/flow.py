"""LoRA of the transformer that the recipe `text_to_image` trains (MMDiT, rectified flow)."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import StableDiffusion3Pipeline
from PIL import Image
from torch import Tensor

from compute.recipes.adapters.about import about_adapter, require_adapter
from compute.recipes.adapters.config import Config
from compute.recipes.adapters.layers import add_lora, lora_state
from compute.recipes.data.buckets import BucketOrder
from compute.recipes.data.pictures import load_pictures
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.sheets import contact_sheet
from compute.recipes.text_to_image.base import load_base
from compute.recipes.text_to_image.config import ModelConfig, SamplingConfig
from compute.recipes.text_to_image.flow import draw_times, flow_loss
from compute.recipes.text_to_image.model import CountedAttention, build_pipeline
from compute.recipes.text_to_image.sampling import generate
from compute.recipes.training.bases import folder_of, look_up_base
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import Recipe, perform
from compute.recipes.training.randomness import BATCHES, VALIDATION, generator

PADDING = 256  # zero tokens that the stock pipeline shows for the silent third encoder


class FlowAdapter(Recipe):
    name = "adapters"
    config: Config

    def require(self) -> None:
        require_adapter(self.config)
        if self.config.adapter.method != "lora":
            raise Refused("On a base with rectified flow only the method 'lora' is known.")
        if not self.config.dataset.prompt and not self.config.dataset.caption_column:
            raise Refused("Set 'dataset.caption_column', or 'dataset.prompt' for all pictures.")

    def bases(self) -> list[Source]:
        found = look_up_base(self.config.base, key="base")
        self.base = Source(found.id, found.revision, "adapter")
        return [self.base]

    def build(self) -> None:
        config, data = self.config, self.config.dataset
        self.pictures = load_pictures(data, self.facts, self.left_out, self.caches)
        self.test = load_pictures(data, self.facts, self.left_out, self.caches, test=True)
        self.order = BucketOrder([len(b) for b in self.pictures.buckets], batch=config.training.batch, seed=config.seed)
        folder = folder_of(self.base)
        self.network = load_base(ModelConfig(base=str(folder)), Source(str(folder), "local"))
        self.network.modules.requires_grad_(False).to(self.device)
        self.network.transformer.set_attn_processor(CountedAttention(PADDING))
        self.layers = add_lora(self.network.transformer, config.adapter)

    @property
    def rows(self) -> int:
        return len(self.pictures)

    def players(self) -> list[Player]:
        return [Player(self.layers, self._flow, within=self.network.transformer)]

    def measure(self) -> dict[str, float]:
        total = 0.0
        for bucket in self.test.buckets:
            rows = torch.arange(len(bucket))
            random = generator(self.config.seed, VALIDATION, 0)
            pictures = bucket.pictures(rows)
            noise = torch.randn(pictures.shape, generator=random)
            times = (rows + 0.5) / len(rows)
            total += float(self._loss(pictures, bucket.captions, noise, times)) * len(rows)
        return {"validation_loss": total / len(self.test)}

    def draw(self) -> Image.Image:
        captions = [self.config.dataset.prompt or text for text in dict.fromkeys(self.test.captions)]
        sampling = SamplingConfig(steps=self.config.sampling.steps, guidance=self.config.sampling.guidance)
        pipeline = build_pipeline(self.network, shift=1.0).to(self.device)
        prompts = captions[: self.config.validation.pictures]
        return contact_sheet(generate(pipeline, prompts, sampling, seed=self.config.seed, zero_tokens=1))

    def export(self, folder: Path) -> None:
        StableDiffusion3Pipeline.save_lora_weights(folder, transformer_lora_layers=lora_state(self.network.transformer))

    def about(self) -> About:
        prompt = self.config.dataset.prompt or self.test.captions[0]
        return about_adapter(self.config, self.base, "StableDiffusion3Pipeline", prompt)

    def _flow(self, step: int, index: int) -> Terms:
        training = self.config.training
        place, rows = self.order.at(index)
        bucket = self.pictures.buckets[place]
        random = generator(self.config.seed, BATCHES, index)
        pictures = bucket.pictures(rows)
        noise = torch.randn(pictures.shape, generator=random)
        times = draw_times(
            len(rows), mean=training.time_mean, deviation=training.time_deviation, shift=1.0, random=random
        )
        return {"loss": self._loss(pictures, [bucket.captions[row] for row in rows.tolist()], noise, times)}

    def _loss(self, pictures: Tensor, captions: list[str], noise: Tensor, times: Tensor) -> Tensor:
        texts = [self.config.dataset.prompt or caption for caption in captions]
        encoded = self.network.tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
        parts = (pictures, encoded.input_ids, noise, times)
        return flow_loss(self.network, *(part.to(self.device) for part in parts))


def run_flow(config: Config) -> Path:
    return perform(FlowAdapter(config))
