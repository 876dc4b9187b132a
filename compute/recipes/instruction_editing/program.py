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
from compute.recipes.diffusion.checking import Asked, alike_checked
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
    own = StableDiffusionInstructPix2PixPipeline
    config: Config

    def require(self) -> None:
        super().require()
        training = self.config.training
        if training.condition_dropout + training.picture_dropout + training.both_dropout > 1:
            raise Refused("The dropouts of 'training' are shares of all rows; together at most 1.")

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
        captions = [bucket.captions[row] for row in rows.tolist()]
        if random is not None:
            told, shown = self._kept(len(rows), random)
            captions = [text if keep else "" for text, keep in zip(captions, told.tolist(), strict=True)]
            originals = originals * shown.view(-1, 1, 1, 1)
        states = self._texts.of(captions).to(self.device)
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

    def judge(self, folder: Path) -> dict[str, float]:
        """Whether colour, shape and background became those of the pair."""
        if not self.config.sampling.checker:
            return {}
        asked = self.asked(self.config.sampling.checked)
        pipeline = self.ready(StableDiffusionInstructPix2PixPipeline.from_pretrained(folder, **self.loading()))
        made = self.drawn(pipeline.to(self.device), asked, seed=1_000)[len(asked) :]
        wanted = as_images(self.test.buckets[0].pictures(torch.arange(len(asked))))
        return alike_checked(made, wanted, name="edit_accuracy")

    def loading(self) -> dict[str, Any]:
        return {"use_safetensors": True, "safety_checker": None}

    def about(self) -> About:
        sampling = self.config.sampling
        return About(
            task="image-to-image",
            what="Stable Diffusion, fine-tuned to change a picture as it is told. "
            "Two scales guide it: by the text, and by the original.",
            usage=f"""
from diffusers import StableDiffusionInstructPix2PixPipeline
from diffusers.utils import load_image

pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained("{{name}}")
picture = load_image("picture.png")
edited = pipeline(
    {self.asked(1)[0].text!r}, image=picture, num_inference_steps={sampling.steps},
    guidance_scale={sampling.guidance}, image_guidance_scale={sampling.picture_guidance},
).images[0]
""",
            tags=("diffusers", "stable-diffusion", "instruct-pix2pix"),
            metric_names=METRIC_NAMES
            | {"edit_accuracy": "Edited as asked, all else kept", "background_accuracy": "Background as asked or kept"},
            inference={
                "num_inference_steps": sampling.steps,
                "guidance_scale": sampling.guidance,
                "image_guidance_scale": sampling.picture_guidance,
            },
            picture=SAMPLES,
            picture_shows="Pictures that were not trained on, and below them what this model made of them",
        )

    def _kept(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Whether each row is told its instruction, and shown its original.

        The two scales of drawing need answers to neither and to the original alone, so each of these is
        practised as often as the other, and not as seldom as two dropouts by themselves would meet.
        """
        training, chance = self.config.training, torch.rand(count, generator=random)
        text, picture, both = training.condition_dropout, training.picture_dropout, training.both_dropout
        untold = chance < text + both
        unshown = (chance >= text) & (chance < text + both + picture)
        return ~untold, ~unshown

    def _remember(self, edited: Pictures, originals: Sequence[Latents]) -> None:
        for bucket, latents in zip(edited.buckets, originals, strict=True):
            self._originals[id(bucket)] = latents

    def _load_originals(self, edited: Pictures, *, test: bool) -> Pictures:
        data = replace(self.config.dataset, image_column=self.config.dataset.original_column)
        beside = self.config.dataset.image_column
        originals = load_pictures(data, self.facts, self.left_out, self.caches, test=test, beside=beside)
        places = [(sizes_of(pictures), [len(b) for b in pictures.buckets]) for pictures in (edited, originals)]
        if places[0] != places[1]:
            raise Refused(
                "An original and what became of it must have one shape. Check the data set, or set one ratio."
            )
        return originals
