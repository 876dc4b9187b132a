"""Trains a transformer of Stable Diffusion 3 on pixels with rectified flow; saves a `StableDiffusion3Pipeline`."""

from __future__ import annotations

from pathlib import Path

from diffusers import DiffusionPipeline, StableDiffusion3Pipeline
from PIL import Image

from compute.recipes.data.cutting import Reading
from compute.recipes.data.pictures import load_pictures, squares_of
from compute.recipes.diffusion.drawing import placed
from compute.recipes.diffusion.recipe import METRIC_NAMES
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.shapes.checker import require_shapes
from compute.recipes.sheets import contact_sheet
from compute.recipes.text_to_image.base import load_base
from compute.recipes.text_to_image.batches import BatchSource, measured
from compute.recipes.text_to_image.config import Config, require_sensible
from compute.recipes.text_to_image.evaluation import shapes_accuracy
from compute.recipes.text_to_image.flow import flow_loss
from compute.recipes.text_to_image.model import CountedAttention, Network, build_network, build_pipeline
from compute.recipes.text_to_image.sampling import generate
from compute.recipes.text_to_image.tokenizer import build_tokenizer
from compute.recipes.training.bases import folder_of, look_up_finished
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import SAMPLES, Recipe, perform


def run(config: Config) -> Path:
    return perform(TextToImage(config))


class TextToImage(Recipe):
    name = "text_to_image"
    config: Config
    base: Source | None = None  # the finished model that is gone on with

    def require(self) -> None:
        super().require()
        require_sensible(self.config)

    def bases(self) -> list[Source]:
        self.base = look_up_finished(self.config.base, StableDiffusion3Pipeline.__name__)
        return [self.base] if self.base else []

    def build(self) -> None:
        config, data = self.config, self.config.dataset
        self.pictures = load_pictures(data, self.facts, self.left_out, self.caches).buckets[0]
        self.test = load_pictures(data, self.facts, self.left_out, self.caches, test=True).buckets[0]
        if config.evaluation.checker == "shapes":
            require_shapes(squares_of([self.test]), key="evaluation.checker")
        self.network = self._take(self.base) if self.base else self._begin()
        self.network.transformer.set_attn_processor(CountedAttention(config.training.padding))
        self.batches = BatchSource(self.pictures, self.network.tokenizer, config.training, seed=config.seed)

    def _take(self, base: Source) -> Network:
        network = load_base(folder_of(base), base.id)
        side = network.transformer.config.sample_size
        if side != self.config.dataset.size:
            raise Refused(f"{base.id} draws pictures of {side} pixels. Set 'dataset.size' to that.")
        return network

    def _begin(self) -> Network:
        """From nothing."""
        model = self.config.model
        tokenizer = build_tokenizer(self.pictures.captions, merges=model.merges, max_tokens=model.max_tokens)
        return build_network(model, tokenizer, picture_size=self.config.dataset.size)

    @property
    def rows(self) -> int:
        return len(self.pictures)

    def readings(self) -> list[Reading]:
        tokenizer, key = self.network.tokenizer, "" if self.base else "model.max_tokens"
        return [Reading(self.pictures.captions, tokenizer, tokenizer.model_max_length, key=key)]

    def players(self) -> list[Player]:
        return [Player(self.network.modules, self._denoise)]

    def measure(self) -> dict[str, float]:
        total = 0.0
        for batch in measured(self.test, self.network.tokenizer, seed=self.config.seed):
            total += float(flow_loss(self.network, *batch.on(self.device))) * len(batch)
        return {"validation_loss": total / len(self.test)}

    def draw(self) -> Image.Image:
        pipeline = placed(self._pipeline(), self.device)
        prompts, sampling = self.shown_prompts(), self.config.sampling
        return contact_sheet(generate(pipeline, prompts, sampling, seed=self.config.seed, zero_tokens=1))

    def shown_prompts(self) -> list[str]:
        if self.config.sampling.prompts:
            return list(self.config.sampling.prompts)
        return list(dict.fromkeys(self.test.captions))[: self.config.validation.pictures]

    def export(self, folder: Path) -> None:
        self._pipeline().save_pretrained(folder, safe_serialization=True)

    def judge(self, folder: Path) -> dict[str, float]:
        evaluation = self.config.evaluation
        if not evaluation.checker:
            return {}
        pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True).to(self.device)
        # The same pictures as with the stock attention, at a quarter of the cost.
        pipeline.transformer.set_attn_processor(CountedAttention(self.config.training.padding))
        return shapes_accuracy(pipeline, self.config.sampling, prompts=evaluation.prompts)

    def about(self) -> About:
        sampling, side = self.config.sampling, self.config.dataset.size
        return About(
            task="text-to-image",
            what="A text-to-image model of the Stable Diffusion 3 architecture: a transformer in which words and "
            f"picture attend to each other, trained with rectified flow on pixels. It draws {side} x {side} of them.",
            usage=f"""
from diffusers import DiffusionPipeline

pipeline = DiffusionPipeline.from_pretrained("{{name}}")
picture = pipeline(
    {self.shown_prompts()[0]!r}, num_inference_steps={sampling.steps}, guidance_scale={sampling.guidance}
).images[0]
""",
            tags=("diffusers", "sd3", "rectified-flow"),
            metric_names=METRIC_NAMES | {"background_accuracy": "Background as asked"},
            inference={"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance},
            picture=SAMPLES,
            picture_shows="Pictures drawn by this model",
            more=self._how_it_was_judged(),
        )

    def _how_it_was_judged(self) -> str:
        evaluation, sampling = self.config.evaluation, self.config.sampling
        if not evaluation.checker:
            return ""
        return (
            f"What was asked was drawn for {evaluation.prompts} prompts in {sampling.steps} steps with guidance "
            f"{sampling.guidance}. They ask for combinations of colour, shape and background that the made data set "
            "of coloured shapes leaves out of its training split. The pixels of the pictures are judged by geometry "
            "and colour, not by a learned model."
        )

    def _pipeline(self) -> StableDiffusion3Pipeline:
        return build_pipeline(self.network, shift=self.config.training.time_shift)

    def _denoise(self, step: int, index: int) -> Terms:
        return {"loss": flow_loss(self.network, *self.batches.batch(index).on(self.device))}
