"""A recipe that learns to take noise away from the latents of a frozen autoencoder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from diffusers import DiffusionPipeline
from PIL import Image
from torch import Tensor, nn

from compute.recipes.configuration import as_plain
from compute.recipes.data.buckets import BucketOrder
from compute.recipes.data.caches import Latents, latents_of
from compute.recipes.data.pictures import Bucket, Pictures, load_pictures, squares_of
from compute.recipes.diffusion.autoencoders import encoded, load_autoencoder
from compute.recipes.diffusion.checking import Asked, shapes_checked
from compute.recipes.diffusion.drawing import drawn
from compute.recipes.diffusion.noise import Noise, build_scheduler
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.shapes.checker import require_shapes
from compute.recipes.sheets import contact_sheet
from compute.recipes.training.bases import folder_of, identity_of, look_up_base, look_up_finished
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import Recipe
from compute.recipes.training.randomness import BATCHES, VALIDATION, generator

TOGETHER = 32
METRIC_NAMES = {
    "validation_loss": "Loss on pictures not trained on",
    "shape_accuracy": "Shape as asked",
    "colour_accuracy": "Colour as asked",
    "prompt_accuracy": "Colour and shape as asked",
}


class LatentRecipe(Recipe):
    """Subclasses bring the denoiser, its conditions and the stock pipeline."""

    stock: ClassVar[Any]  # the pipeline that is saved, and that a base must be
    base: Source | None = None  # the finished model that is gone on with
    progress = 1.0  # share of the training that is done, for what changes on the way

    def bases(self) -> list[Source]:
        config = self.config
        if config.base.id and config.autoencoder.id:
            raise Refused("A base brings its autoencoder. Clear 'autoencoder.id', or 'base'.")
        self.base = look_up_finished(config.base, self.stock.__name__)
        self.autoencoder_source = self.base or look_up_base(config.autoencoder, key="autoencoder")
        return [self.autoencoder_source]

    def build(self) -> None:
        config, data = self.config, self.config.dataset
        self.pictures = load_pictures(data, self.facts, self.left_out, self.caches)
        self.test = load_pictures(data, self.facts, self.left_out, self.caches, test=True)
        if config.sampling.checker == "shapes":
            require_shapes(squares_of(self.test.buckets), key="sampling.checker")
        self.autoencoder = load_autoencoder(folder_of(self.autoencoder_source)).to(self.device)
        self.scheduler = self.schedule()
        self.latents = self._cached(self.pictures, "pictures")
        self.test_latents = self._cached(self.test, "test")
        self.order = BucketOrder(
            [len(bucket) for bucket in self.pictures.buckets], batch=config.training.batch, seed=config.seed
        )
        self.networks = self.build_networks()
        self.noise = self.noising()

    @property
    def rows(self) -> int:
        return len(self.pictures)

    def sizes(self) -> list[int]:
        return [len(bucket) for bucket in self.pictures.buckets]

    def players(self) -> list[Player]:
        return [Player(self.networks, self._denoise)]

    def schedule(self) -> Any:
        """The scheduler that is saved with the model, unless a base brings one."""
        return build_scheduler(self.config.training)

    def noising(self) -> Any:
        """What adds noise as the scheduler takes it away."""
        return Noise(self.scheduler, self.config.training)

    def finished(self, base: Source) -> Any:
        """The base's stock pipeline, in full precision."""
        return self.stock.from_pretrained(folder_of(base), use_safetensors=True, dtype=torch.float32)

    @abstractmethod
    def build_networks(self) -> nn.Module:
        """What is trained."""

    @abstractmethod
    def answer(
        self, noisy: Tensor, times: Tensor, bucket: Bucket, rows: Tensor, random: torch.Generator | None
    ) -> Tensor:
        """What the denoiser says to noisy latents of these rows; without `random` no condition is dropped."""

    @abstractmethod
    def pipeline(self) -> Any:
        """The stock pipeline around the networks."""

    @abstractmethod
    def asked(self, count: int) -> list[Asked]:
        """What pictures are drawn of."""

    def drawn(self, pipeline: Any, asked: Sequence[Asked], *, seed: int) -> list[Image.Image]:
        """One picture for each, number i from noise of seed + i."""
        sampling = self.config.sampling
        options = {"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance, **self.drawing()}
        return drawn(pipeline, [self.told(each) for each in asked], seed=seed, **options)

    def told(self, asked: Asked) -> str | int:
        """What the stock pipeline is asked for."""
        return asked.text

    def drawing(self) -> dict[str, Any]:
        """More that the stock pipeline is told."""
        return {}

    def measure(self) -> dict[str, float]:
        total, count = 0.0, 0
        for place, bucket in enumerate(self.test.buckets):
            for rows in torch.arange(len(bucket)).split(TOGETHER):
                random = generator(self.config.seed, VALIDATION, int(rows[0]))
                latents = self.test_latents[place].mean[rows].to(self.device)
                times = self.noise.spread(len(rows)).to(self.device)
                noise = torch.randn(latents.shape, generator=random).to(self.device)
                noisy, target = self.noise.added(latents, noise, times)
                answer = self.answer(noisy, times, bucket, rows, None)
                total += float((answer.float() - target).square().mean()) * len(rows)
                count += len(rows)
        return {"validation_loss": total / count}

    def draw(self) -> Image.Image:
        asked = self.asked(self.config.validation.pictures)
        return contact_sheet(self.drawn(self.ready(self.pipeline()), asked, seed=self.config.seed))

    def shown_prompts(self) -> list[str]:
        return [each.text for each in self.asked(self.config.validation.pictures)]

    def export(self, folder: Path) -> None:
        self.pipeline().save_pretrained(folder, safe_serialization=True)

    def judge(self, folder: Path) -> dict[str, float]:
        sampling = self.config.sampling
        if not sampling.checker:
            return {}
        pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True, **self.loading())
        asked = self.asked(sampling.checked)
        return shapes_checked(self.drawn(self.ready(pipeline.to(self.device)), asked, seed=1_000), asked)

    def encoded(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of their latents, as the stock pipeline scales them."""
        return encoded(self.autoencoder, pictures)

    def ready(self, pipeline: Any) -> Any:
        """The stock pipeline, about to draw."""
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def loading(self) -> dict[str, Any]:
        """What the stock pipeline must be told when it is loaded."""
        return {}

    def _denoise(self, step: int, index: int) -> Terms:
        self.progress = step / self.training.steps
        place, rows = self.order.at(index)
        bucket = self.pictures.buckets[place]
        random = generator(self.config.seed, BATCHES, index)
        noisy, times, target = self.noised(self.latents[place].drawn(rows, random), random)
        answer = self.answer(noisy, times, bucket, rows, random)
        return {"loss": self.noise.loss(answer, target, times)}

    def noised(self, latents: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The latents with noise, at which times, and what the network shall answer."""
        noise = torch.randn(latents.shape, generator=random).to(self.device)
        times = self.noise.times(len(latents), random).to(self.device)
        noisy, target = self.noise.added(latents.to(self.device), noise, times)
        return noisy, times, target

    def _cached(self, pictures: Pictures, what: str) -> list[Latents]:
        named: list[Any] = [*identity_of(self.autoencoder_source), self.facts.source.revision, self.left_out.plain()]
        named += [what, as_plain(self.config.dataset) | {"path": ""}, len(pictures)]

        def encode(some: Tensor) -> tuple[Tensor, Tensor]:
            mean, deviation = self.encoded(some.to(self.device))
            return mean.cpu(), deviation.cpu()

        return latents_of(pictures, encode, self.caches, named=named)
