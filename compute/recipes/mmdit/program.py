"""Trains a transformer of Stable Diffusion 3 on latents with rectified flow; saves a `StableDiffusion3Pipeline`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from torch import Tensor, nn

from compute.recipes.data.cutting import Reading
from compute.recipes.data.pictures import Bucket
from compute.recipes.diffusion.autoencoders import side_factor
from compute.recipes.diffusion.drawing import placed
from compute.recipes.diffusion.recipe import METRIC_NAMES
from compute.recipes.diffusion.text import CaptionedRecipe
from compute.recipes.lineage import Source
from compute.recipes.mmdit.config import Config
from compute.recipes.mmdit.flow import Flow
from compute.recipes.mmdit.texts import FinishedTexts, OwnTexts, Texts, absent_parts
from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.config import require_whole_heads
from compute.recipes.text_to_image.flow import velocity
from compute.recipes.text_to_image.model import build_transformer
from compute.recipes.training.bases import family_of, folder_of, look_up_base
from compute.recipes.training.card import About, without
from compute.recipes.training.program import SAMPLES, perform

STOCK = StableDiffusion3Pipeline.__name__


def run(config: Config) -> Path:
    return perform(MultimodalTransformer(config))


class MultimodalTransformer(CaptionedRecipe):
    name = "mmdit"
    stock = StableDiffusion3Pipeline
    config: Config
    texts: Texts

    def require(self) -> None:
        super().require()
        config = self.config
        if config.base.id and (config.autoencoder.id or config.text.id):
            raise Refused(
                "A base brings its autoencoder and encoders. Clear 'autoencoder.id' and 'text.id', or 'base'."
            )
        require_whole_heads(config.model)

    def bases(self) -> list[Source]:
        sources, text = super().bases(), self.config.text
        if text.id:
            sources.append(look_up_base(text, key="text"))
        self._text_source = sources[-1] if text.id else self.base
        return sources

    def schedule(self) -> FlowMatchEulerDiscreteScheduler:
        return FlowMatchEulerDiscreteScheduler(shift=self.config.training.time_shift)

    def noising(self) -> Flow:
        return Flow(self.config.training)

    def encoded(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """As this family scales them: about their own middle, where the autoencoder names one."""
        if not isinstance(self.autoencoder, AutoencoderKL):
            raise Refused("Stable Diffusion 3 builds on a KL autoencoder. Choose one with 'autoencoder.id'.")
        mean, deviation = super().encoded(pictures)
        middle = self.autoencoder.config.shift_factor or 0.0
        return mean - middle * self.autoencoder.config.scaling_factor, deviation

    def build_networks(self) -> nn.Module:
        if self.autoencoder.config.shift_factor is None:
            self.autoencoder.register_to_config(shift_factor=0.0)  # the stock pipeline adds it unseen
        model = self.config.model
        if self._text_source is None:
            self.texts = OwnTexts(model, self.pictures.captions)
        else:
            self.texts = FinishedTexts(_pipeline_folder(self._text_source), self.device)
        self.transformer = self._transformer()
        self._require_places()
        self.texts.prepare(self.transformer)
        return nn.ModuleDict({**self.texts.trained(), "transformer": self.transformer})

    def _transformer(self) -> SD3Transformer2DModel:
        if self.base:
            place = folder_of(self.base) / "transformer"
            return SD3Transformer2DModel.from_pretrained(place, use_safetensors=True, dtype=torch.float32)
        model, texts = self.config.model, self.texts
        return build_transformer(
            model,
            side=self.config.dataset.size // side_factor(self.autoencoder),
            channels=self.latents[0].mean.shape[1],
            states=texts.states,
            pooled=texts.pooled,
            reach=model.reach,
        )

    def _require_places(self) -> None:
        facts = self.transformer.config
        sides = {side for latents in self.latents for side in latents.mean.shape[2:]}
        if any(side % facts.patch_size for side in sides):
            raise Refused(
                f"Latents have the sides {sorted(sides)}; patches have {facts.patch_size}, which must divide them. "
                "Change 'dataset.multiple' or 'model.patch'."
            )
        most = facts.pos_embed_max_size * facts.patch_size
        if max(sides) > most:
            raise Refused(
                f"The transformer knows places for latents of up to {most} a side; the longest here has {max(sides)}. "
                "Lower 'dataset.size' or take ratios nearer to 1; a new model knows more with a larger 'model.reach'."
            )

    def readings(self) -> list[Reading]:
        return self.texts.readings(self.pictures.captions)

    def answer(
        self, noisy: Tensor, times: Tensor, bucket: Bucket, rows: Tensor, random: torch.Generator | None
    ) -> Tensor:
        captions = [bucket.captions[row] for row in rows.tolist()]
        said = self.texts.said(captions, self._heard(len(rows), random))
        return velocity(self.transformer, noisy, times, said)

    def _heard(self, count: int, random: torch.Generator | None) -> Tensor:
        """Which captions reach which encoders, (count, encoders)."""
        encoders = self.texts.count
        if random is None:
            return torch.ones(count, encoders, dtype=torch.bool)
        missed = self.config.training.condition_dropout ** (1.0 / encoders)
        return torch.rand(count, encoders, generator=random) >= missed

    def pipeline(self) -> StableDiffusion3Pipeline:
        return StableDiffusion3Pipeline(
            transformer=self.transformer, vae=self.autoencoder, scheduler=self.scheduler, **self.texts.parts()
        )

    def ready(self, pipeline: Any) -> Any:
        self.texts.prepare(pipeline.transformer)
        return super().ready(placed(pipeline, self.device))

    def drawing(self) -> dict[str, Any]:
        return {**super().drawing(), "max_sequence_length": self.texts.places}

    def loading(self) -> dict[str, Any]:
        return absent_parts(self.config.folder / "model")

    def about(self) -> About:
        sampling, side = self.config.sampling, self.config.dataset.size
        return About(
            task="text-to-image",
            what="A text-to-image model of the Stable Diffusion 3 architecture: a transformer in which words and "
            f"picture attend to each other, trained with rectified flow on latents {side_factor(self.autoencoder)} "
            "times smaller than pictures.",
            usage=f"""
from diffusers import DiffusionPipeline

pipeline = DiffusionPipeline.from_pretrained("{{name}}"{without(self.loading())})
picture = pipeline(
    {self.asked(1)[0].text!r}, height={side}, width={side},
    num_inference_steps={sampling.steps}, guidance_scale={sampling.guidance},
).images[0]
""",
            tags=("diffusers", "stable-diffusion-3", "rectified-flow"),
            metric_names=METRIC_NAMES,
            inference={"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance},
            picture=SAMPLES,
            picture_shows="Pictures drawn by this model",
        )


def _pipeline_folder(source: Source) -> Path:
    if family_of(source) != STOCK:
        raise Refused(f"{source.id} is no {STOCK}. Choose one that is.")
    return folder_of(source)
