"""Trains a diffusion model on latents: `DiTPipeline` by class, `LDMTextToImagePipeline` by text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, DiTPipeline, DiTTransformer2DModel, LDMTextToImagePipeline
from torch import Tensor, nn

from compute.recipes.data.pictures import Bucket
from compute.recipes.diffusion.autoencoders import side_factor
from compute.recipes.diffusion.checking import Asked
from compute.recipes.diffusion.drawing import asked_side
from compute.recipes.diffusion.recipe import METRIC_NAMES, LatentRecipe
from compute.recipes.diffusion.text import TextRecipe
from compute.recipes.latent_diffusion.config import Config
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.shapes.vocabulary import COLOURS, SHAPES
from compute.recipes.training.bases import INDEX, folder_of
from compute.recipes.training.card import About
from compute.recipes.training.program import SAMPLES, perform

CLASSES = 1000  # the stock pipeline's number for "no class" is fixed: one after these
CLASS_DEVIATION = 0.15  # of a class's vector at the start: as large as that of a time
TOKENS = 77  # the length to which the stock pipeline pads every prompt


def run(config: Config) -> Path:
    return perform(ByClass(config) if config.model.condition == "class" else ByText(config))


class ByClass(LatentRecipe):
    name = "latent_diffusion"
    stock = DiTPipeline
    config: Config

    def require(self) -> None:
        super().require()
        if not self.config.dataset.class_columns:
            raise Refused("Set 'dataset.class_columns': the columns that together name a picture's class.")
        if len(self.config.dataset.ratios) > 1:
            raise Refused("This transformer knows one size. Set 'dataset.ratios' to one ratio.")

    def build_networks(self) -> nn.Module:
        self.numbers = self._numbered(_classes_of(folder_of(self.base)) if self.base else {})
        self._classes: dict[int, Tensor] = {}
        for part in (self.pictures, self.test):
            numbers = torch.tensor([self.numbers[name] for name in part.class_names])
            self._classes |= {id(bucket): numbers[bucket.classes] for bucket in part.buckets}
        self.transformer = self._finished_transformer(self.base) if self.base else self._new_transformer()
        for module in self.transformer.modules():
            if hasattr(module, "dropout_prob"):
                module.dropout_prob = self.config.training.condition_dropout
        return self.transformer

    def _numbered(self, known: dict[str, int]) -> dict[str, int]:
        """The number of each class: those that a base knows keep theirs, others follow."""
        new = [name for name in self.pictures.class_names if name not in known]
        first = max(known.values(), default=-1) + 1
        numbers = known | {name: first + place for place, name in enumerate(new)}
        if first + len(new) > CLASSES:
            raise Refused(f"There are {first + len(new)} classes; the stock pipeline knows at most {CLASSES}.")
        unknown = sorted(set(self.test.class_names) - set(numbers))
        if unknown:
            raise Refused(f"The class {unknown[0]!r} is among what is measured on, and nothing of it is trained on.")
        return numbers

    def _finished_transformer(self, base: Source) -> DiTTransformer2DModel:
        pipeline = self.finished(base)
        facts, side = pipeline.transformer.config, self.latents[0].mean.shape[2]
        if facts.out_channels not in {None, facts.in_channels}:
            raise Refused(f"{base.id} also tells how sure it is of its answers, which is not trained here.")
        if facts.sample_size != side:
            size = facts.sample_size * side_factor(self.autoencoder)
            raise Refused(f"{base.id} draws pictures of {size} pixels. Set 'dataset.size' to that.")
        self.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
        return pipeline.transformer

    def _new_transformer(self) -> DiTTransformer2DModel:
        model, latents = self.config.model, self.latents[0].mean
        transformer = DiTTransformer2DModel(
            sample_size=latents.shape[2],
            patch_size=model.patch,
            in_channels=latents.shape[1],
            out_channels=latents.shape[1],
            num_layers=model.blocks,
            num_attention_heads=model.block_heads,
            attention_head_dim=model.width // model.block_heads,
            num_embeds_ada_norm=CLASSES,
        )
        for linear in (transformer.proj_out_2, *(block.norm1.linear for block in transformer.transformer_blocks)):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        for block in transformer.transformer_blocks:
            # The stock start is ten times as large as what is added of the time, which nobody would hear beside it.
            nn.init.normal_(block.norm1.emb.class_embedder.embedding_table.weight, std=CLASS_DEVIATION)
        return transformer

    def answer(
        self, noisy: Tensor, times: Tensor, bucket: Bucket, rows: Tensor, random: torch.Generator | None
    ) -> Tensor:
        classes = self._classes[id(bucket)][rows]
        # While it trains, the transformer itself drops a share of the classes.
        return self.transformer(noisy, timestep=times, class_labels=classes.to(self.device)).sample

    def pipeline(self) -> DiTPipeline:
        return DiTPipeline(self.transformer, self.autoencoder, self.scheduler)

    def export(self, folder: Path) -> None:
        """With the names of the classes, which the stock pipeline reads and does not write."""
        super().export(folder)
        index = folder / "model_index.json"
        facts = json.loads(index.read_text(encoding="utf-8"))
        facts["id2label"] = {number: name for name, number in self.numbers.items()}
        index.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

    def asked(self, count: int) -> list[Asked]:
        names = self.pictures.class_names
        spread = [index * len(names) // count for index in range(count)] if count < len(names) else range(count)
        wanted = [names[number % len(names)] for number in spread]
        return [_asked_class(self.numbers[name], name) for name in wanted]

    def told(self, asked: Asked) -> int:
        return asked.label

    def about(self) -> About:
        sampling, names = self.config.sampling, list(self.numbers)
        shown = ", ".join(f"{self.numbers[name]} {name}" for name in names[:40])
        return About(
            task="unconditional-image-generation",
            what="A class-conditional latent diffusion transformer (DiT). Classes: "
            f"{shown}{' ...' if len(names) > 40 else ''}.",
            usage=f"""
from diffusers import DiTPipeline

pipeline = DiTPipeline.from_pretrained("{{name}}")
picture = pipeline([0], num_inference_steps={sampling.steps}, guidance_scale={sampling.guidance}).images[0]
""",
            tags=("diffusers", "dit", "latent-diffusion"),
            metric_names=METRIC_NAMES,
            inference={"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance},
            picture=SAMPLES,
            picture_shows="Pictures drawn by this model",
        )


class ByText(TextRecipe):
    name = "latent_diffusion"
    stock = LDMTextToImagePipeline
    encoder = "bert"
    config: Config
    tokens = TOKENS

    def build_networks(self) -> nn.Module:
        if not self.base and self.config.model.max_tokens != TOKENS:
            raise Refused(f"Set 'model.max_tokens' to {TOKENS}: the stock pipeline pads every prompt to it.")
        return super().build_networks()

    def pipeline(self) -> LDMTextToImagePipeline:
        return LDMTextToImagePipeline(self.autoencoder, self.text_encoder, self.tokenizer, self.unet, self.scheduler)

    @property
    def _asked_side(self) -> int:
        return asked_side(self.pipeline(), self.config.dataset.size)

    def drawing(self) -> dict[str, Any]:
        return {"height": self._asked_side, "width": self._asked_side}

    def about(self) -> About:
        sampling, side = self.config.sampling, self._asked_side
        return About(
            task="text-to-image",
            what="A text-conditional latent diffusion model: a text encoder and a UNet with cross-attention, "
            f"on latents {side_factor(self.autoencoder)} times smaller than pictures.",
            usage=f"""
from diffusers import LDMTextToImagePipeline

pipeline = LDMTextToImagePipeline.from_pretrained("{{name}}")
picture = pipeline(
    {self.asked(1)[0].text!r}, height={side}, width={side},
    num_inference_steps={sampling.steps}, guidance_scale={sampling.guidance},
).images[0]
""",
            tags=("diffusers", "latent-diffusion"),
            metric_names=METRIC_NAMES,
            inference={"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance},
            picture=SAMPLES,
            picture_shows="Pictures drawn by this model",
        )


def _classes_of(folder: Path) -> dict[str, int]:
    """The numbers of the classes that a finished pipeline knows, by name."""
    facts = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    return {str(name): int(number) for number, name in (facts.get("id2label") or {}).items()}


def _asked_class(number: int, name: str) -> Asked:
    words = name.split(" ")
    colour = next((word for word in words if word in COLOURS), "")
    return Asked(name, label=number, colour=colour, shape=next((word for word in words if word in SHAPES), ""))
