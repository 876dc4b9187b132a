"""Fine-tunes Stable Diffusion to edit as told (arXiv 2211.09800); `StableDiffusionInstructPix2PixPipeline`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionInstructPix2PixPipeline
from PIL import Image
from torch import Tensor, nn

from compute.recipes.data.caches import Latents
from compute.recipes.data.pictures import Bucket, Pictures, load_pictures, sizes_of
from compute.recipes.diffusion.checking import Asked
from compute.recipes.diffusion.recipe import METRIC_NAMES
from compute.recipes.instruction_editing.config import Config
from compute.recipes.refusal import Refused
from compute.recipes.sheets import as_images
from compute.recipes.stable_diffusion.tuning import Tuning
from compute.recipes.training.card import About
from compute.recipes.training.program import SAMPLES, perform


def run(config: Config) -> Path:
    return perform(InstructionEditing(config))


class InstructionEditing(Tuning):
    name = "instruction_editing"
    more = "a picture to edit"
    config: Config

    def require(self) -> None:
        super().require()
        if self.config.sampling.checker:
            raise Refused("'sampling.checker' judges pictures without an original; leave it empty for this recipe.")

    def further_channels(self, latent_channels: int) -> int:
        return latent_channels

    def build_networks(self) -> nn.Module:
        self._originals: dict[int, Latents] = {}
        originals = self._load_originals(self.pictures, test=False)
        self._test_originals = self._load_originals(self.test, test=True)
        self._remember(self.pictures, self._cached(originals, "originals"))
        self._remember(self.test, self._cached(self._test_originals, "test originals"))
        return super().build_networks()

    def answer(
        self, noisy: Tensor, times: Tensor, bucket: Bucket, rows: Tensor, random: torch.Generator | None
    ) -> Tensor:
        # The stock pipeline shows the original's latents without their unit.
        originals = self._originals[id(bucket)].mean[rows] / self.autoencoder.config.scaling_factor
        if random is not None:
            kept = torch.rand(len(rows), generator=random) >= self.config.training.picture_dropout
            originals = originals * kept.view(-1, 1, 1, 1)
        states = self.states(bucket, rows, random)
        return self.unet(torch.cat([noisy, originals.to(self.device)], dim=1), times, states).sample

    def pipeline(self) -> StableDiffusionInstructPix2PixPipeline:
        return StableDiffusionInstructPix2PixPipeline(**self.parts())

    def asked(self, count: int) -> list[Asked]:
        return [Asked(text) for text in self.test.buckets[0].captions[:count]]

    def drawn(self, pipeline: Any, asked: Sequence[Asked], *, seed: int) -> list[Image.Image]:
        """The first originals of the test split, then what became of them."""
        count, sampling = len(asked), self.config.sampling
        originals = as_images(self._test_originals.buckets[0].pictures(torch.arange(count)))
        edited = pipeline(
            [each.text for each in asked],
            image=originals,
            num_inference_steps=sampling.steps,
            guidance_scale=sampling.guidance,
            image_guidance_scale=sampling.picture_guidance,
            generator=[torch.Generator().manual_seed(seed + i) for i in range(count)],
        ).images
        return [*originals, *edited]

    def about(self) -> About:
        sampling = self.config.sampling
        return About(
            task="image-to-image",
            what="Stable Diffusion, fine-tuned to change a picture as it is told. "
            "Two scales guide it: by the text, and by the original.",
            usage=f"""
from diffusers import StableDiffusionInstructPix2PixPipeline

pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained("{{name}}")
edited = pipeline(
    {self.asked(1)[0].text!r}, image=picture, num_inference_steps={sampling.steps},
    guidance_scale={sampling.guidance}, image_guidance_scale={sampling.picture_guidance},
).images[0]
""",
            tags=("diffusers", "stable-diffusion", "instruct-pix2pix"),
            metric_names=METRIC_NAMES,
            inference={
                "num_inference_steps": sampling.steps,
                "guidance_scale": sampling.guidance,
                "image_guidance_scale": sampling.picture_guidance,
            },
            picture=SAMPLES,
            picture_shows="Pictures that were not trained on, and below them what this model made of them",
        )

    def _remember(self, edited: Pictures, originals: Sequence[Latents]) -> None:
        for bucket, latents in zip(edited.buckets, originals, strict=True):
            self._originals[id(bucket)] = latents

    def _load_originals(self, edited: Pictures, *, test: bool) -> Pictures:
        data = replace(self.config.dataset, image_column=self.config.dataset.original_column)
        originals = load_pictures(data, self.facts, self.left_out, self.caches, test=test)
        places = [(sizes_of(pictures), [len(b) for b in pictures.buckets]) for pictures in (edited, originals)]
        if places[0] != places[1]:
            raise Refused(
                "An original and what became of it must have one shape. Check the data set, or set one ratio."
            )
        return originals
