"""Trains to find what a name names in a picture (CLIPSeg, arXiv 2112.10003); saved as a stock
`CLIPSegForImageSegmentation`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from transformers import (
    CLIPSegConfig,
    CLIPSegForImageSegmentation,
    CLIPSegProcessor,
    CLIPSegTextConfig,
    CLIPSegVisionConfig,
    ViTImageProcessor,
)

from compute.recipes.contrastive.seeing import HALF, require_side, shown
from compute.recipes.data.buckets import BucketOrder
from compute.recipes.data.cutting import Reading
from compute.recipes.data.pictures import Bucket, load_pictures
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.segmentation.config import Config
from compute.recipes.sheets import as_images, contact_sheet
from compute.recipes.text_to_image.tokenizer import build_tokenizer, text_config
from compute.recipes.training.bases import folder_of, look_up_finished
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import SAMPLES, Recipe, perform

TOGETHER = 64


def run(config: Config) -> Path:
    return perform(Segmentation(config))


class Segmentation(Recipe):
    name = "segmentation"
    config: Config
    base: Source | None = None  # the finished model that is gone on with

    def require(self) -> None:
        super().require()
        data, model = self.config.dataset, self.config.model
        if not data.caption_column or not data.mask_column:
            raise Refused("Set 'dataset.caption_column' and 'dataset.mask_column': a name, and where the thing is.")
        if tuple(data.ratios) != (1.0,):
            raise Refused("This encoder knows one square size. Leave 'dataset.ratios' as it is.")
        if self.config.base.id:
            return
        widths = (model.width, model.text_width, model.decoder_width)
        heads = (model.heads, model.text_heads, model.decoder_heads)
        if data.size % model.patch or any(wide % number for wide, number in zip(widths, heads, strict=True)):
            raise Refused("'dataset.size' must be a multiple of 'model.patch', and widths of their numbers of heads.")
        if list(model.seen) != sorted(set(model.seen)) or model.seen[-1:] != (model.layers - 1,):
            raise Refused("'model.seen' must name layers in their order, the last one too: others would learn nothing.")

    def bases(self) -> list[Source]:
        self.base = look_up_finished(self.config.base, CLIPSegForImageSegmentation.__name__)
        return [self.base] if self.base else []

    def build(self) -> None:
        self.pictures, self.masks = self._load(test=False)
        self.test, self.test_masks = self._load(test=True)
        self.order = BucketOrder([len(self.pictures)], batch=self.training.batch, seed=self.config.seed)
        if self.base:
            self._take(self.base)
        else:
            self._begin()
        self.tokens = self._tokens(self.pictures.captions)
        clip = self.model.clip
        # What CLIP matches whole pictures with has no part in finding.
        for unused in (clip.visual_projection, clip.vision_model.post_layernorm):
            unused.requires_grad_(False)
        clip.logit_scale.requires_grad_(False)

    def _take(self, base: Source) -> None:
        folder = folder_of(base)
        processor = CLIPSegProcessor.from_pretrained(folder)
        self.tokenizer, self.seeing = processor.tokenizer, processor.image_processor
        require_side(base, self.seeing, self.config.dataset.size)
        self.model = CLIPSegForImageSegmentation.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)

    def _begin(self) -> None:
        """From nothing."""
        model, side = self.config.model, self.config.dataset.size
        self.tokenizer = build_tokenizer(self.pictures.captions, merges=model.merges, max_tokens=model.max_tokens)
        self.seeing = ViTImageProcessor(size={"height": side, "width": side}, image_mean=HALF, image_std=HALF)
        self.model = CLIPSegForImageSegmentation(self._sizes())
        begin_from_nothing(self.model)

    @property
    def rows(self) -> int:
        return len(self.pictures)

    def readings(self) -> list[Reading]:
        key = "" if self.base else "model.max_tokens"
        return [Reading(self.pictures.captions, self.tokenizer, self.tokenizer.model_max_length, key=key)]

    def players(self) -> list[Player]:
        return [Player(self.model, self._find)]

    def measure(self) -> dict[str, float]:
        """Of held-out pictures: how well what was found covers what is named, and how often nothing was where the
        named thing is not there."""
        pairs = list(zip(self._found(), _masks(self.test_masks), strict=True))
        there = [(found, wanted) for found, wanted in pairs if wanted.any()]
        values = {
            "mean_iou": [_overlap(found, wanted) for found, wanted in there],
            "present_found": [float(found.any()) for found, _ in there],
            "absent_empty": [float(not found.any()) for found, wanted in pairs if not wanted.any()],
        }
        return {name: sum(each) / len(each) for name, each in values.items() if each}

    def draw(self) -> Image.Image:
        """Held-out pictures, what is found in them painted white below, all else darkened."""
        count = min(self.config.validation.pictures, len(self.test))
        pictures = self.test.pictures(torch.arange(count))
        masks = self._found(count)[:, None]
        shown = torch.where(masks, torch.ones_like(pictures), 0.4 * (pictures + 1.0) - 1.0)
        return contact_sheet([*as_images(pictures), *as_images(shown)], columns=count)

    def export(self, folder: Path) -> None:
        self.model.save_pretrained(folder, safe_serialization=True)
        CLIPSegProcessor(self.seeing, self.tokenizer).save_pretrained(folder)

    def about(self) -> About:
        names = ", ".join(f"“{name}”" for name in self.test.captions[: self.config.validation.pictures])
        return About(
            task="image-segmentation",
            what="A small CLIPSeg: it finds a named thing in a picture, of the kind it was trained on, and no other.",
            usage=f"""
from diffusers.utils import load_image
from transformers import CLIPSegForImageSegmentation, CLIPSegProcessor

model = CLIPSegForImageSegmentation.from_pretrained("{{name}}")
processor = CLIPSegProcessor.from_pretrained("{{name}}")
picture = load_image("picture.png")
names = [{self.test.captions[0]!r}]
inputs = processor(text=names, images=[picture], padding=True, truncation=True, return_tensors="pt")
mask = model(**inputs).logits.reshape({self.config.dataset.size}, -1) > 0  # true where it is
""",
            library="transformers",
            tags=("clipseg",),
            metric_names={
                "mean_iou": "Intersection over union of what was found and what is named",
                "present_found": "Something found, where the named thing is there",
                "absent_empty": "Nothing found, where the named thing is not there",
            },
            picture=SAMPLES,
            picture_shows=f"Pictures that were not trained on, and below them in white what was found of: {names}",
        )

    def _load(self, *, test: bool) -> tuple[Bucket, Bucket]:
        """The pictures, and the pictures of their masks."""
        data = self.config.dataset
        (pictures,) = load_pictures(data, self.facts, self.left_out, self.caches, test=test).buckets
        masks_in = replace(data, image_column=data.mask_column)
        beside = data.image_column
        (masks,) = load_pictures(masks_in, self.facts, self.left_out, self.caches, test=test, beside=beside).buckets
        return pictures, masks

    def _sizes(self) -> CLIPSegConfig:
        model = self.config.model
        vision = CLIPSegVisionConfig(
            hidden_size=model.width,
            intermediate_size=4 * model.width,
            num_hidden_layers=model.layers,
            num_attention_heads=model.heads,
            image_size=self.config.dataset.size,
            patch_size=model.patch,
        )
        text = text_config(model, self.tokenizer).to_dict() | {"model_type": CLIPSegTextConfig.model_type}
        text.pop("projection_dim")  # CLIPSeg has one for both
        return CLIPSegConfig(
            text_config=text,
            vision_config=vision.to_dict(),
            projection_dim=model.space,
            extract_layers=list(model.seen),
            reduce_dim=model.decoder_width,
            decoder_num_attention_heads=model.decoder_heads,
            decoder_intermediate_size=4 * model.decoder_width,
        )

    def _find(self, step: int, index: int) -> Terms:
        _, rows = self.order.at(index)
        logits = self._logits(self.pictures.pictures(rows), self.tokens[rows])
        wanted = _masks(self.masks, rows).float().to(self.device)
        return {"loss": functional.binary_cross_entropy_with_logits(logits.float(), wanted)}

    def _found(self, count: int | None = None) -> Tensor:
        """Masks (n, height, width) of the first held-out pictures."""
        rows = torch.arange(len(self.test) if count is None else count)
        tokens = self._tokens(self.test.captions)
        parts = [self._logits(self.test.pictures(some), tokens[some]).cpu() > 0 for some in rows.split(TOGETHER)]
        return torch.cat(parts)

    def _logits(self, pictures: Tensor, tokens: Tensor) -> Tensor:
        """As the stock forward computes them, whose encoders do not learn."""
        clip, seen = self.model.clip, []
        # Layer by layer: the library's own way to tell what each says does not outlive shards that come and go.
        pictures = shown(pictures, self.seeing).to(self.device)
        states = clip.vision_model.pre_layrnorm(clip.vision_model.embeddings(pictures))
        for layer in clip.vision_model.encoder.layers:
            states = layer(states, None)
            seen.append(states)
        told = clip.get_text_features(input_ids=tokens.to(self.device)).pooler_output
        logits: Tensor = self.model.decoder([seen[layer] for layer in self.model.extract_layers], told).logits
        return logits

    def _tokens(self, names: list[str]) -> Tensor:
        encoded = self.tokenizer(names, padding="max_length", truncation=True, return_tensors="pt")
        tokens: Tensor = encoded.input_ids
        return tokens


@torch.no_grad()
def begin_from_nothing(model: CLIPSegForImageSegmentation) -> None:
    """The stock start (0.02 everywhere) suits encoders that were trained before; from nothing in minutes, words and
    colours must differ at once, and the name must be heard from the first step on."""
    model.clip.text_model.get_input_embeddings().weight.normal_(std=0.5)
    decoder = model.decoder
    for layer in (
        model.clip.vision_model.embeddings.patch_embedding,
        decoder.film_mul,
        decoder.film_add,
        *decoder.reduces,
    ):
        layer.reset_parameters()
    decoder.film_mul.bias.fill_(1.0)


def _masks(bucket: Bucket, rows: Tensor | None = None) -> Tensor:
    """Masks (n, height, width) of these rows, or of all: true where they are rather white."""
    pixels = bucket.pixels if rows is None else bucket.pixels[rows]
    return pixels[:, 0] > 127


def _overlap(found: Tensor, wanted: Tensor) -> float:
    return float((found & wanted).sum() / (found | wanted).sum())
