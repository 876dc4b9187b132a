"""Trains pictures and captions to find each other (CLIP, arXiv 2103.00020); saved as a stock `CLIPModel`."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPVisionConfig

from compute.recipes.contrastive.config import Config
from compute.recipes.contrastive.seeing import HALF, require_side, shown
from compute.recipes.data.buckets import BucketOrder
from compute.recipes.data.cutting import Reading
from compute.recipes.data.pictures import load_pictures
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.tokenizer import build_tokenizer, text_config
from compute.recipes.training.bases import folder_of, look_up_finished
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import Recipe, perform

TOGETHER = 64


def run(config: Config) -> Path:
    return perform(Contrastive(config))


class Contrastive(Recipe):
    name = "contrastive"
    config: Config
    base: Source | None = None  # the finished model that is gone on with

    def require(self) -> None:
        super().require()
        data, model = self.config.dataset, self.config.model
        if not data.caption_column:
            raise Refused("Set 'dataset.caption_column': pictures are matched with captions.")
        if self.training.batch < 2:
            raise Refused("'training.batch' must be at least 2: each picture is told apart from the others beside it.")
        if tuple(data.ratios) != (1.0,):
            raise Refused("This encoder knows one square size. Leave 'dataset.ratios' as it is.")
        if self.config.base.id:
            return
        if data.size % model.patch or model.width % model.heads or model.text_width % model.text_heads:
            raise Refused("'dataset.size' must be a multiple of 'model.patch', and widths of their numbers of heads.")

    def bases(self) -> list[Source]:
        self.base = look_up_finished(self.config.base, CLIPModel.__name__)
        return [self.base] if self.base else []

    def build(self) -> None:
        config, data = self.config, self.config.dataset
        (self.pictures,) = load_pictures(data, self.facts, self.left_out, self.caches).buckets
        (self.test,) = load_pictures(data, self.facts, self.left_out, self.caches, test=True).buckets
        if len(set(self.pictures.captions)) < 2:
            raise Refused("All pictures have one caption: there is nothing to tell apart. Check the data set.")
        self.order = BucketOrder([len(self.pictures)], batch=config.training.batch, seed=config.seed)
        if self.base:
            self._take(self.base)
        else:
            self._begin()
        self.tokens = self._tokens(self.pictures.captions)
        self.model.logit_scale.requires_grad_(False)

    def _take(self, base: Source) -> None:
        folder = folder_of(base)
        processor = CLIPProcessor.from_pretrained(folder)
        self.tokenizer, self.seeing = processor.tokenizer, processor.image_processor
        require_side(base, self.seeing, self.config.dataset.size)
        self.model = CLIPModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)

    def _begin(self) -> None:
        """From nothing."""
        config, side, model = self.config, self.config.dataset.size, self.config.model
        self.tokenizer = build_tokenizer(self.pictures.captions, merges=model.merges, max_tokens=model.max_tokens)
        self.seeing = CLIPImageProcessor(
            size={"shortest_edge": side},
            crop_size={"height": side, "width": side},
            image_mean=HALF,
            image_std=HALF,
        )
        vision = CLIPVisionConfig(
            hidden_size=model.width,
            intermediate_size=4 * model.width,
            num_hidden_layers=model.layers,
            num_attention_heads=model.heads,
            image_size=side,
            patch_size=model.patch,
        )
        text = text_config(model, self.tokenizer)
        both = CLIPConfig(
            text_config=text.to_dict(),
            vision_config=vision.to_dict(),
            projection_dim=model.space,
            logit_scale_init_value=-math.log(config.training.temperature),
        )
        self.model = CLIPModel(both)
        # CLIP's own start (0.02) suits long training; from scratch in minutes, words must differ at once.
        with torch.no_grad():
            self.model.text_model.get_input_embeddings().weight.normal_(std=0.5)

    @property
    def rows(self) -> int:
        return len(self.pictures)

    def readings(self) -> list[Reading]:
        key = "" if self.base else "model.max_tokens"
        return [Reading(self.pictures.captions, self.tokenizer, self.tokenizer.model_max_length, key=key)]

    def players(self) -> list[Player]:
        return [Player(self.model, self._match)]

    def measure(self) -> dict[str, float]:
        """How often, of all different captions of the test split, a picture is nearest to its own."""
        captions = sorted(set(self.test.captions))
        texts = self._told(self._tokens(captions))
        right = 0
        for rows in torch.arange(len(self.test)).split(TOGETHER):
            nearest = (self._seen(self.test.pictures(rows)) @ texts.T).argmax(dim=1).tolist()
            right += sum(captions[n] == self.test.captions[row] for n, row in zip(nearest, rows.tolist(), strict=True))
        return {"caption_accuracy": right / len(self.test)}

    def export(self, folder: Path) -> None:
        self.model.save_pretrained(folder, safe_serialization=True)
        CLIPProcessor(self.seeing, self.tokenizer).save_pretrained(folder)

    def about(self) -> About:
        return About(
            task="zero-shot-image-classification",
            what="A small CLIP: an encoder of pictures and one of texts whose vectors meet. It judges pictures of "
            "the kind it was trained on, and no others.",
            usage="""
from diffusers.utils import load_image
from transformers import CLIPModel, CLIPProcessor

model = CLIPModel.from_pretrained("{name}")
processor = CLIPProcessor.from_pretrained("{name}")
texts, pictures = ["a circle", "a square"], [load_image("picture.png")]
scores = model(**processor(text=texts, images=pictures, padding=True, return_tensors="pt")).logits_per_image
""",
            library="transformers",
            tags=("clip",),
            metric_names={"caption_accuracy": "Own caption nearest, of all captions that it was measured on"},
        )

    def _match(self, step: int, index: int) -> Terms:
        _, rows = self.order.at(index)
        tokens = self.tokens[rows]
        scores = self._seen(self.pictures.pictures(rows)) @ self._told(tokens).T * self.model.logit_scale.exp()
        # Pictures with one caption belong to each other's too.
        same = (tokens[:, None] == tokens[None]).all(dim=2).float().to(self.device)
        wanted = same / same.sum(dim=1, keepdim=True)
        by_picture, by_text = functional.cross_entropy(scores, wanted), functional.cross_entropy(scores.T, wanted)
        return {"loss": (by_picture + by_text) / 2}

    def _seen(self, pictures: Tensor) -> Tensor:
        """Vectors of length one."""
        found = self.model.vision_model(pixel_values=shown(pictures, self.seeing).to(self.device)).pooler_output
        return functional.normalize(self.model.visual_projection(found).float(), dim=1)

    def _told(self, tokens: Tensor) -> Tensor:
        found = self.model.text_model(input_ids=tokens.to(self.device)).pooler_output
        return functional.normalize(self.model.text_projection(found).float(), dim=1)

    def _tokens(self, captions: list[str]) -> Tensor:
        encoded = self.tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt")
        tokens: Tensor = encoded.input_ids
        return tokens
