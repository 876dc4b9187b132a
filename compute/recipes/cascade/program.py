"""Trains one stage of a cascade; `IFPipeline` and `IFSuperResolutionPipeline` load them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import DDPMScheduler, DiffusionPipeline, IFPipeline, IFSuperResolutionPipeline
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from compute.recipes.cascade.config import Config
from compute.recipes.cascade.earlier import load_stage
from compute.recipes.cascade.networks import COLOURS, build_unet
from compute.recipes.cascade.noise import build_scheduler, seen, variational_bound
from compute.recipes.cascade.text import TOKENS, build_encoder, build_tokenizer, load_encoder, plain, states_of
from compute.recipes.data.buckets import BucketOrder
from compute.recipes.data.cutting import Reading
from compute.recipes.data.pictures import load_pictures, squares_of
from compute.recipes.diffusion.checking import Asked, shapes_checked
from compute.recipes.diffusion.drawing import drawn
from compute.recipes.diffusion.noise import TIMES, Noise, drawn_times, shifted_times, spread_times
from compute.recipes.diffusion.recipe import METRIC_NAMES
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.shapes.checker import require_shapes
from compute.recipes.shapes.vocabulary import held_out_prompts
from compute.recipes.sheets import as_images, contact_sheet
from compute.recipes.training.bases import called, folder_of, gone_on_from, look_up_base, look_up_finished
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import SAMPLES, Recipe, perform
from compute.recipes.training.randomness import BATCHES, VALIDATION, generator

TOGETHER = 32


def run(config: Config) -> Path:
    return perform(Base(config) if config.model.stage == "base" else SuperResolution(config))


class Stage(Recipe):
    """What both stages share. Subclasses bring the text encoder, what goes into the network, and the pipeline."""

    name = "cascade"
    stock: ClassVar[Any]  # the pipeline that is saved, and that an earlier stage must be
    seen: ClassVar[int]  # channels that go into the network
    config: Config
    trains_text = False

    def require(self) -> None:
        super().require()
        data, model = self.config.dataset, self.config.model
        if not data.caption_column:
            raise Refused("Set 'dataset.caption_column': a model of text learns from captions.")
        if len(data.ratios) > 1:
            raise Refused("The stages of a cascade know one size. Set 'dataset.ratios' to one ratio.")
        if self.config.sampling.steps < 2:
            raise Refused("'sampling.steps' must be at least 2: what a step leaves unclear, another one draws.")
        if self.config.earlier.id:
            if self.config.text.id:
                raise Refused("An earlier stage brings its text encoder. Clear 'text.id', or 'earlier'.")
            return
        if any(width % model.groups for width in model.channels) or model.channels[-1] % model.head_width:
            raise Refused("'model.channels' must be multiples of 'model.groups', the last of 'model.head_width' too.")

    def bases(self) -> list[Source]:
        self.earlier = look_up_finished(self.config.earlier, self.stock.__name__, key="earlier")
        return [self.earlier] if self.earlier else []

    def build(self) -> None:
        config = self.config
        self.pictures = load_pictures(config.dataset, self.facts, self.left_out, self.caches).buckets[0]
        self.test = load_pictures(config.dataset, self.facts, self.left_out, self.caches, test=True).buckets[0]
        if config.sampling.checker == "shapes":
            require_shapes(squares_of([self.test]), key="sampling.checker")
        self.order = BucketOrder([len(self.pictures)], batch=config.training.batch, seed=config.seed)
        if self.earlier:
            self.take(load_stage(self.earlier, self.stock, side=config.dataset.size, seen=self.seen))
        else:
            self._begin()
        self.text_encoder.to(self.device)
        self.noise = Noise(self.scheduler, config.training)

    def take(self, stage: Any) -> None:
        """All of an earlier one."""
        self.tokenizer, self.text_encoder, self.unet = stage.tokenizer, stage.text_encoder, stage.unet
        self.scheduler = DDPMScheduler.from_config(stage.scheduler.config)
        if not self.trains_text:
            self.text_encoder.eval().requires_grad_(False)

    def _begin(self) -> None:
        """From nothing."""
        config = self.config
        self.tokenizer, self.text_encoder = self.build_text()
        self.scheduler = build_scheduler(config.training.prediction)
        text_width = self.text_encoder.config.d_model
        self.unet = build_unet(config.model, side=config.dataset.size, text_width=text_width)

    @property
    def rows(self) -> int:
        return len(self.pictures)

    def readings(self) -> list[Reading]:
        return [Reading([plain(caption) for caption in self.pictures.captions], self.tokenizer, TOKENS)]

    def players(self) -> list[Player]:
        modules = {"unet": self.unet} | ({"text_encoder": self.text_encoder} if self.trains_text else {})
        return [Player(nn.ModuleDict(modules), self._denoise)]

    @abstractmethod
    def build_text(self) -> tuple[Any, Any]:
        """Tokenizer and encoder."""

    @abstractmethod
    def answer(self, noisy: Tensor, times: Tensor, pictures: Tensor, states: Tensor, random: torch.Generator) -> Tensor:
        """What was asked (noise or velocity) and spread, six channels."""

    @abstractmethod
    def pipeline(self) -> Any:
        """The stock pipeline around the networks."""

    @abstractmethod
    def drawn(self, pipeline: Any, asked: Sequence[Asked], *, seed: int) -> list[Image.Image]:
        """One picture for each, number i from noise of seed + i."""

    def measure(self) -> dict[str, float]:
        total = 0.0
        for rows in torch.arange(len(self.test)).split(TOGETHER):
            random = generator(self.config.seed, VALIDATION, int(rows[0]))
            pictures = self.test.pictures(rows)
            noisy, times, target = self._noised(pictures, spread_times(len(rows)), random)
            states = self._states([self.test.captions[row] for row in rows])
            answer = self.answer(noisy, times, pictures, states, random)
            total += float((answer[:, :COLOURS] - target).square().mean()) * len(rows)
        return {"validation_loss": total / len(self.test)}

    def draw(self) -> Image.Image:
        asked = self.asked(self.config.validation.pictures)
        return contact_sheet(self.drawn(quiet(self.pipeline()), asked, seed=self.config.seed))

    def shown_prompts(self) -> list[str]:
        return [each.text for each in self.asked(self.config.validation.pictures)]

    def export(self, folder: Path) -> None:
        self.pipeline().save_pretrained(folder, safe_serialization=True)

    def asked(self, count: int) -> list[Asked]:
        if self.config.sampling.checker == "shapes":
            return [Asked(p.text, colour=p.scene.colour, shape=p.scene.shape) for p in held_out_prompts(count)]
        return [Asked(text) for text in list(dict.fromkeys(self.test.captions))[:count]]

    def _denoise(self, step: int, index: int) -> Terms:
        _bucket, rows = self.order.at(index)
        random = generator(self.config.seed, BATCHES, index)
        pictures = self.pictures.pictures(rows)
        times = shifted_times(len(rows), self.config.training.time_shift, random)
        noisy, times, target = self._noised(pictures, times, random)
        dropped = torch.rand(len(rows), generator=random) < self.config.training.condition_dropout
        captions = ["" if drop else self.pictures.captions[row] for row, drop in zip(rows, dropped, strict=True)]
        answer = self.answer(noisy, times, pictures, self._states(captions), random).float()
        guess, spread = answer.split(COLOURS, dim=1)
        error = self.noise.loss(guess, target, times)
        drawn = seen(self.scheduler, noisy, guess, times)
        stride = TIMES // self.config.sampling.steps
        bound = variational_bound(self.scheduler, pictures.to(self.device), drawn, spread, times, stride=stride)
        return {"loss": error + bound, "noise": error, "bits": bound}

    def _noised(self, pictures: Tensor, times: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        noise = torch.randn(pictures.shape, generator=random).to(self.device)
        times = times.to(self.device)
        noisy, target = self.noise.added(pictures.to(self.device), noise, times)
        return noisy, times, target

    def _states(self, captions: Sequence[str]) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.trains_text):
            return states_of(self.tokenizer, self.text_encoder, captions, self.device)

    def _parts(self) -> dict[str, Any]:
        """What the stock pipelines of both stages are made of."""
        return {
            "tokenizer": self.tokenizer,
            "text_encoder": self.text_encoder,
            "unet": self.unet,
            "scheduler": self.scheduler,
            "safety_checker": None,
            "feature_extractor": None,
            "watermarker": None,
            "requires_safety_checker": False,
        }


class Base(Stage):
    """Small pictures out of text."""

    stock = IFPipeline
    seen = COLOURS

    def require(self) -> None:
        super().require()
        if not (self.config.training.train_text or self.config.text.id or self.config.earlier.id):
            raise Refused(
                "A text encoder from nothing must learn. Set 'training.train_text' to true, or name one by 'text.id'."
            )

    def bases(self) -> list[Source]:
        text = self.config.text
        self.text_source = look_up_base(text, key="text") if text.id else None
        self.trains_text = self.config.training.train_text and not self.text_source
        return [*super().bases(), *([self.text_source] if self.text_source else [])]

    def build_text(self) -> tuple[Any, Any]:
        if self.text_source:
            return load_encoder(folder_of(self.text_source))
        tokenizer = build_tokenizer(self.pictures.captions, words=self.config.model.words)
        return tokenizer, build_encoder(self.config.model, tokenizer)

    def answer(self, noisy: Tensor, times: Tensor, pictures: Tensor, states: Tensor, random: torch.Generator) -> Tensor:
        answer: Tensor = self.unet(noisy, times, states).sample
        return answer

    def pipeline(self) -> IFPipeline:
        return IFPipeline(**self._parts())

    def drawn(self, pipeline: Any, asked: Sequence[Asked], *, seed: int) -> list[Image.Image]:
        sampling = self.config.sampling
        return drawn_small(pipeline, asked, seed=seed, steps=sampling.steps, guidance=sampling.guidance)

    def about(self) -> About:
        sampling = self.config.sampling
        return About(
            task="text-to-image",
            what=f"The base stage of a cascade: pictures of {self.config.dataset.size} pixels out of text, by "
            f"diffusion of pixels with a T5 encoder{gone_on_from(self.earlier)}. A stage of super-resolution makes "
            "them larger.",
            usage=f"""
from diffusers import IFPipeline

pipeline = IFPipeline.from_pretrained("{{name}}")
small = pipeline(
    {self.asked(1)[0].text!r}, num_inference_steps={sampling.steps}, guidance_scale={sampling.guidance}
).images[0]
""",
            tags=("diffusers", "cascaded-diffusion"),
            metric_names=METRIC_NAMES,
            inference={"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance},
            picture=SAMPLES,
            picture_shows="Pictures drawn by this model",
        )


class SuperResolution(Stage):
    """Pictures out of smaller ones and text. The small ones are made noisy, so that flaws of the stage before
    are not taken for detail."""

    stock = IFSuperResolutionPipeline
    seen = 2 * COLOURS

    def require(self) -> None:
        super().require()
        if self.config.dataset.size % self.config.model.small:
            raise Refused("'dataset.size' must be a multiple of 'model.small'.")
        if not 0 <= self.config.sampling.noise_level < self.config.training.noisiest <= TIMES:
            raise Refused("'sampling.noise_level' must be less than 'training.noisiest', and that at most 1000.")

    def bases(self) -> list[Source]:
        self.base_source = look_up_base(self.config.base, key="base")
        return [self.base_source, *super().bases()]

    def build(self) -> None:
        self.base = self._load_base()
        self.noising = build_scheduler(self.config.training.prediction)
        super().build()

    def take(self, stage: Any) -> None:
        super().take(stage)
        self.noising = DDPMScheduler.from_config(stage.image_noising_scheduler.config)

    def _load_base(self) -> IFPipeline:
        folder = folder_of(self.base_source)
        pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
        if not isinstance(pipeline, IFPipeline):
            raise Refused("The model in 'base.id' is no base stage of a cascade.")
        if pipeline.unet.config.sample_size != self.config.model.small:
            raise Refused(f"The base stage draws {pipeline.unet.config.sample_size} pixels. Set 'model.small' to that.")
        return quiet(pipeline.to(self.device))

    def build_text(self) -> tuple[Any, Any]:
        return self.base.tokenizer, self.base.text_encoder.eval().requires_grad_(False)

    def answer(self, noisy: Tensor, times: Tensor, pictures: Tensor, states: Tensor, random: torch.Generator) -> Tensor:
        side = pictures.shape[-1]
        enlarged = functional.interpolate(self.shrunk(pictures), (side, side), mode="bilinear", align_corners=True)
        levels = self._levels(len(pictures), random)
        unclear = self.noising.add_noise(enlarged, torch.randn(enlarged.shape, generator=random), levels)
        given = torch.cat([noisy, unclear.to(self.device)], dim=1)
        answer: Tensor = self.unet(given, times, states, class_labels=levels.to(self.device)).sample
        return answer

    def measure(self) -> dict[str, float]:
        return super().measure() | {"psnr": self._psnr(quiet(self.pipeline()))}

    def pipeline(self) -> IFSuperResolutionPipeline:
        return IFSuperResolutionPipeline(**self._parts(), image_noising_scheduler=self.noising)

    def drawn(self, pipeline: Any, asked: Sequence[Asked], *, seed: int) -> list[Image.Image]:
        """Through both stages."""
        sampling = self.config.sampling
        small = drawn_small(self.base, asked, seed=seed, steps=sampling.steps, guidance=sampling.guidance)
        return self._enlarged(pipeline, small, [each.text for each in asked], seed=seed)

    def judge(self, folder: Path) -> dict[str, float]:
        sampling = self.config.sampling
        if not sampling.checker:
            return {}
        pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
        asked = self.asked(sampling.checked)
        return shapes_checked(self.drawn(quiet(pipeline.to(self.device)), asked, seed=1_000), asked)

    def shrunk(self, pictures: Tensor) -> Tensor:
        return functional.interpolate(pictures, (self.config.model.small,) * 2, mode="area")

    def about(self) -> About:
        sampling, model, size = self.config.sampling, self.config.model, self.config.dataset.size
        source = self.base_source
        before = called(source)
        return About(
            task="image-to-image",
            what=f"A stage of a cascade: makes pictures of {model.small} pixels {size} pixels large, told the text"
            f"{gone_on_from(self.earlier)}.",
            usage=f"""
from diffusers import IFPipeline, IFSuperResolutionPipeline

prompt = {self.asked(1)[0].text!r}
small = IFPipeline.from_pretrained("{before}")(prompt).images[0]
pipeline = IFSuperResolutionPipeline.from_pretrained("{{name}}")
picture = pipeline(
    prompt, image=small, noise_level={sampling.noise_level},
    num_inference_steps={sampling.steps}, guidance_scale={sampling.guidance},
).images[0]
""",
            tags=("diffusers", "cascaded-diffusion", "super-resolution"),
            metric_names={**METRIC_NAMES, "psnr": "PSNR of enlarged pictures, dB"},
            inference={
                "num_inference_steps": sampling.steps,
                "guidance_scale": sampling.guidance,
                "noise_level": sampling.noise_level,
            },
            picture=SAMPLES,
            picture_shows="Pictures drawn through both stages",
        )

    def _psnr(self, pipeline: Any) -> float:
        """Of test pictures made small and large again, in decibels."""
        rows = torch.arange(min(self.config.sampling.enlarged, len(self.test)))
        real = self.test.pictures(rows)
        small = as_images(self.shrunk(real))
        made = self._enlarged(pipeline, small, [self.test.captions[row] for row in rows], seed=self.config.seed)
        apart = _as_tensor(made) - real
        return float(-10.0 * torch.log10(apart.square().mean() / 4.0))

    def _enlarged(
        self, pipeline: Any, small: Sequence[Image.Image], prompts: Sequence[str], *, seed: int
    ) -> list[Image.Image]:
        sampling, pictures = self.config.sampling, []
        for start in range(0, len(small), TOGETHER):
            some = list(small[start : start + TOGETHER])
            pictures += pipeline(
                list(prompts[start : start + TOGETHER]),
                image=some,
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance,
                noise_level=sampling.noise_level,
                generator=[torch.Generator().manual_seed(seed + start + place) for place in range(len(some))],
            ).images
        return pictures

    def _levels(self, count: int, random: torch.Generator) -> Tensor:
        if not torch.is_grad_enabled():
            return torch.full((count,), self.config.sampling.noise_level)
        return drawn_times(count, random) * self.config.training.noisiest // TIMES


def drawn_small(pipeline: Any, asked: Sequence[Asked], *, seed: int, steps: int, guidance: float) -> list[Image.Image]:
    texts = [each.text for each in asked]
    return drawn(pipeline, texts, seed=seed, num_inference_steps=steps, guidance_scale=guidance)


def quiet(pipeline: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _as_tensor(pictures: Sequence[Image.Image]) -> Tensor:
    return torch.stack([torch.from_numpy(np.array(p)).permute(2, 0, 1).float() / 127.5 - 1.0 for p in pictures])
