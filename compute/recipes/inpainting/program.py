"""Fine-tunes Stable Diffusion to fill masks; saved as `StableDiffusionInpaintPipeline`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionInpaintPipeline
from PIL import Image
from torch import Tensor
from torch.nn import functional

from compute.recipes.data.pictures import Bucket
from compute.recipes.diffusion.autoencoders import encoded
from compute.recipes.diffusion.checking import Asked
from compute.recipes.diffusion.recipe import METRIC_NAMES
from compute.recipes.inpainting.config import Config
from compute.recipes.inpainting.masks import all_but_rims, drawn_masks, largest_side
from compute.recipes.shapes.checker import Verdict, recognise
from compute.recipes.shapes.vocabulary import all_scenes
from compute.recipes.sheets import as_images, contact_sheet
from compute.recipes.stable_diffusion.tuning import Tuning
from compute.recipes.training.card import About
from compute.recipes.training.program import SAMPLES, perform
from compute.recipes.training.randomness import VALIDATION, generator

MASK_CHANNELS = 1


def run(config: Config) -> Path:
    return perform(Inpainting(config))


class Inpainting(Tuning):
    name = "inpainting"
    more = "a mask"
    own = StableDiffusionInpaintPipeline
    config: Config

    def further_channels(self, latent_channels: int) -> int:
        return MASK_CHANNELS + latent_channels

    def answer(
        self, noisy: Tensor, times: Tensor, bucket: Bucket, rows: Tensor, random: torch.Generator | None
    ) -> Tensor:
        masks = self._masks(bucket, rows, random)
        hidden = (bucket.pictures(rows) * (masks < 0.5)).to(self.device)
        seen, _ = encoded(self.autoencoder, hidden)
        small = functional.interpolate(masks.to(self.device), size=noisy.shape[2:])
        states = self.states(bucket, rows, random)
        return self.unet(torch.cat([noisy, small, seen], dim=1), times, states).sample

    def pipeline(self) -> StableDiffusionInpaintPipeline:
        return StableDiffusionInpaintPipeline(**self.parts())

    def asked(self, count: int) -> list[Asked]:
        """Of the first test pictures what they show, or for the checker another shape in another colour."""
        if self.config.sampling.checker != "shapes":
            return [Asked(text) for text in self.test.buckets[0].captions[:count]]
        return [_another(recognise(picture), number) for number, picture in enumerate(self._originals(count))]

    def drawn(self, pipeline: Any, asked: Sequence[Asked], *, seed: int) -> list[Image.Image]:
        """The first test pictures, hidden but for their rims, filled."""
        count, sampling = len(asked), self.config.sampling
        height, width = self.test.buckets[0].pixels.shape[2:]
        return pipeline(
            [each.text for each in asked],
            image=self._originals(count),
            mask_image=all_but_rims(count, height, width),
            height=height,
            width=width,
            num_inference_steps=sampling.steps,
            guidance_scale=sampling.guidance,
            generator=[torch.Generator().manual_seed(seed + i) for i in range(count)],
        ).images

    def draw(self) -> Image.Image:
        asked = self.asked(self.config.validation.pictures)
        filled = self.drawn(self.ready(self.pipeline()), asked, seed=self.config.seed)
        return contact_sheet([*self._originals(len(asked)), *filled])

    def loading(self) -> dict[str, Any]:
        return {"safety_checker": None}

    def _originals(self, count: int) -> list[Image.Image]:
        bucket = self.test.buckets[0]
        return as_images(bucket.pictures(torch.arange(min(count, len(bucket)))))

    def about(self) -> About:
        sampling = self.config.sampling
        return About(
            task="image-to-image",
            what="Stable Diffusion, fine-tuned to fill what a mask hides.",
            usage=f"""
from diffusers import StableDiffusionInpaintPipeline
from diffusers.utils import load_image

pipeline = StableDiffusionInpaintPipeline.from_pretrained("{{name}}")
picture, mask = load_image("picture.png"), load_image("mask.png")  # white where the picture shall be filled
filled = pipeline(
    {self.asked(1)[0].text!r}, image=picture, mask_image=mask,
    num_inference_steps={sampling.steps}, guidance_scale={sampling.guidance},
).images[0]
""",
            tags=("diffusers", "stable-diffusion", "inpainting"),
            metric_names=METRIC_NAMES,
            inference={"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance},
            picture=SAMPLES,
            picture_shows="Pictures that were not trained on, and below them what this model made inside their rims",
        )

    def _masks(self, bucket: Bucket, rows: Tensor, random: torch.Generator | None) -> Tensor:
        training, (height, width) = self.config.training, bucket.pixels.shape[2:]
        if random is None:
            random = generator(self.config.seed, VALIDATION, int(rows[0]))
            return drawn_masks(len(rows), height, width, largest=1.0, whole=0.0, random=random)
        largest = largest_side(self.progress, training)
        return drawn_masks(len(rows), height, width, largest=largest, whole=training.whole, random=random)


def _another(seen: Verdict, number: int) -> Asked:
    """Neither the colour nor the shape that was seen, on the same background: what is kept must be heeded too."""
    scenes = [each for each in all_scenes() if each.background == seen.background]
    scenes = [each for each in scenes if each.colour != seen.colour and each.shape != seen.shape]
    scene = scenes[number % len(scenes)]
    return Asked(scene.caption(), colour=scene.colour, shape=scene.shape)
