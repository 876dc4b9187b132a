"""Trains a model that makes sounds out of noise; the stock `DanceDiffusionPipeline` loads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers import DanceDiffusionPipeline, IPNDMScheduler, UNet1DModel
from torch import Tensor

from compute.recipes.dance_diffusion.config import Config
from compute.recipes.dance_diffusion.distance import frames_of, spectral_distance
from compute.recipes.dance_diffusion.noise import drawn_times, noised, weights
from compute.recipes.dance_diffusion.notes import clear_share, held_share
from compute.recipes.data.sounds import Sounds, load_sounds
from compute.recipes.lineage import Source
from compute.recipes.recordings import Recording
from compute.recipes.refusal import Refused
from compute.recipes.training.bases import folder_of, look_up_finished
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import SAMPLES, SOUNDS, Recipe, perform
from compute.recipes.training.randomness import BATCHES, VALIDATION, Order, generator

TOGETHER = 16
HEAD_WIDTH = 32  # channels of a head, fixed in the stock network
SILENT = 0.01  # a crop that is nowhere louder is not made louder: it would be noise
MEASURED = 256  # crops, for how loud the data are


def run(config: Config) -> Path:
    return perform(DanceDiffusion(config))


class DanceDiffusion(Recipe):
    name = "dance_diffusion"
    config: Config
    base: Source | None = None  # the finished model that is gone on with

    def require(self) -> None:
        super().require()
        if not self.config.base.id:
            self._require_sizes()
        if not 0.0 <= self.config.training.loudest <= 1.0:
            raise Refused("'training.loudest' lies between 0 and 1.")

    def _require_sizes(self) -> None:
        data, model = self.config.dataset, self.config.model
        parts = 2 ** len(model.channels)
        if data.channels not in {1, 2}:
            raise Refused("'dataset.channels' must be 1 or 2.")
        if data.length % parts or data.length < 4 * parts:
            raise Refused(f"'dataset.length' must be a multiple of {parts}, and at least {4 * parts}.")
        if not 0 <= model.attention < len(model.channels):
            raise Refused("'model.attention' must be less than the number of 'model.channels'.")
        # On its way up a size attends with the channels of the next longer one; the middle attends always.
        if any(width % HEAD_WIDTH for width in model.channels[-1 - model.attention :]):
            raise Refused(f"The last {model.attention + 1} of 'model.channels' must be multiples of {HEAD_WIDTH}.")
        if model.time_width % 2:
            raise Refused("'model.time_width' must be even.")

    def bases(self) -> list[Source]:
        self.base = look_up_finished(self.config.base, DanceDiffusionPipeline.__name__)
        return [self.base] if self.base else []

    def build(self) -> None:
        config = self.config
        self.sounds = load_sounds(config.dataset, self.facts, self.left_out, self.caches)
        self.test = load_sounds(config.dataset, self.facts, self.left_out, self.caches, test=True)
        self.order = Order(len(self.sounds), seed=config.seed)
        self.unet = self._finished_unet(self.base) if self.base else build_unet(config)
        self._deviation = self._loudness()
        self._real = frames_of(self._middles(range(len(self.test))).numpy(), config.dataset.sample_rate)

    def _finished_unet(self, base: Source) -> UNet1DModel:
        pipeline = DanceDiffusionPipeline.from_pretrained(folder_of(base), use_safetensors=True, dtype=torch.float32)
        facts, data = pipeline.unet.config, self.config.dataset
        sizes = {"length": facts.sample_size, "sample_rate": facts.sample_rate, "channels": facts.in_channels}
        if any(getattr(data, name) != size for name, size in sizes.items()):
            told = " and ".join(f"'dataset.{name}' to {size}" for name, size in sizes.items())
            raise Refused(f"{base.id} makes other sounds. Set {told}.")
        return pipeline.unet

    @property
    def rows(self) -> int:
        return len(self.sounds)

    def players(self) -> list[Player]:
        return [Player(self.unet, self._denoise)]

    def measure(self) -> dict[str, float]:
        metrics = {"validation_loss": self._validation_loss()}
        if self.config.sampling.judged:
            made = self._made(self.config.sampling.judged)
            metrics["spectral_distance"] = spectral_distance(self._real, frames_of(made.clips, made.rate))
            if self.config.sampling.checker == "tones":
                metrics["clear_notes"] = clear_share(made.clips, made.rate)
                metrics["held_notes"] = held_share(made.clips, made.rate)
        return metrics

    def draw(self) -> Recording:
        return self._made(self.config.validation.pictures)

    def export(self, folder: Path) -> None:
        self.pipeline().save_pretrained(folder, safe_serialization=True)

    def pipeline(self) -> DanceDiffusionPipeline:
        return DanceDiffusionPipeline(self.unet, IPNDMScheduler())

    def about(self) -> About:
        data, steps = self.config.dataset, self.config.sampling.steps
        seconds = data.length / data.sample_rate
        return About(
            task="unconditional-audio-generation",
            what=f"Makes sounds of {seconds:.3g} seconds at {data.sample_rate:,} Hz out of noise: "
            "diffusion of the waveform (Dance Diffusion).",
            usage=f"""
import soundfile
from diffusers import DanceDiffusionPipeline

pipeline = DanceDiffusionPipeline.from_pretrained("{{name}}")
sound = pipeline(num_inference_steps={steps}).audios[0]
soundfile.write("sound.wav", sound.T, {data.sample_rate})
""",
            tags=("diffusers", "dance-diffusion", "audio"),
            metric_names={
                "validation_loss": "Loss on sounds not trained on",
                "spectral_distance": "Spectral distance to them",
                "clear_notes": "Sounds that are a clear note or chord at each eighth of a second",
                "held_notes": "Sounds that hold one note or chord throughout, in one phase",
            },
            inference={"num_inference_steps": steps},
            picture=SAMPLES,
            picture_shows="Spectrograms of sounds made by this model",
            sound=SOUNDS,
        )

    def _denoise(self, step: int, index: int) -> Terms:
        random = generator(self.config.seed, BATCHES, index)
        rows = self.order.rows(index * self.training.batch, self.training.batch)
        sounds = torch.stack([self._crop(self.sounds, int(row), random) for row in rows])
        noise = torch.randn(sounds.shape, generator=random)
        times = drawn_times(len(sounds), random)
        errors = self._errors(sounds, noise, times)
        return {"loss": (errors * weights(times, self._deviation).to(self.device)).mean()}

    def _crop(self, sounds: Sounds, row: int, random: torch.Generator) -> Tensor:
        """A piece from anywhere, as loud and this way up as chance has it."""
        place, loudness, turned, swapped = torch.rand(4, generator=random).tolist()
        piece = self._levelled(sounds.crop(row, place, self.config.dataset.length))
        piece = piece * 10.0 ** (-loudness * self.config.training.gain / 20.0)
        if self.config.training.mirror:
            piece = -piece if turned < 0.5 else piece
            piece = piece.flip(0) if swapped < 0.5 else piece
        return piece

    def _levelled(self, piece: Tensor) -> Tensor:
        loudest = self.config.training.loudest
        return piece * (loudest / piece.abs().max().clamp(min=SILENT)) if loudest else piece

    def _loudness(self) -> float:
        """The standard deviation of crops as they are trained on."""
        random = generator(self.config.seed, VALIDATION, MEASURED)
        rows = torch.randint(len(self.sounds), (MEASURED,), generator=random)
        return float(torch.stack([self._crop(self.sounds, int(row), random) for row in rows]).std())

    def _errors(self, sounds: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Of each row's velocity, as the stock scheduler turns the answer to sound (arXiv 2202.00512)."""
        noisy, target = noised(sounds, noise, times)
        answer = self.unet(noisy.to(self.device), times.to(self.device)).sample
        return (answer.float() - target.to(self.device)).square().mean(dim=(1, 2))

    def _validation_loss(self) -> float:
        total = 0.0
        for rows in torch.arange(len(self.test)).split(TOGETHER):
            random = generator(self.config.seed, VALIDATION, int(rows[0]))
            sounds = self._middles(rows.tolist())
            # Times spread evenly: chance would only blur.
            times = (torch.arange(len(rows)) + 0.5) / len(rows)
            total += float(self._errors(sounds, torch.randn(sounds.shape, generator=random), times).sum())
        return total / len(self.test)

    def _middles(self, rows: range | list[int]) -> Tensor:
        return torch.stack([self._levelled(self.test.crop(row, 0.5, self.config.dataset.length)) for row in rows])

    def _made(self, count: int) -> Recording:
        """Number i from noise of seed + i."""
        pipeline = self.pipeline()
        pipeline.set_progress_bar_config(disable=True)
        clips = []
        for start in range(0, count, TOGETHER):
            seeds = range(self.config.seed + start, self.config.seed + min(count, start + TOGETHER))
            made = pipeline(
                batch_size=len(seeds),
                num_inference_steps=self.config.sampling.steps,
                generator=[torch.Generator().manual_seed(seed) for seed in seeds],
            )
            clips.append(made.audios)
        return Recording(np.concatenate(clips), self.config.dataset.sample_rate)


def build_unet(config: Config) -> UNet1DModel:
    model, data = config.model, config.dataset
    plain = len(model.channels) - 1 - model.attention
    return UNet1DModel(
        sample_size=data.length,
        sample_rate=data.sample_rate,
        in_channels=data.channels,
        out_channels=data.channels,
        extra_in_channels=model.time_width,
        time_embedding_dim=model.time_width,
        down_block_types=("DownBlock1DNoSkip", *["DownBlock1D"] * plain, *["AttnDownBlock1D"] * model.attention),
        up_block_types=(*["AttnUpBlock1D"] * model.attention, *["UpBlock1D"] * plain, "UpBlock1DNoSkip"),
        block_out_channels=model.channels,
    )
