"""Trains text-to-image on latents and saves a `StableDiffusionPipeline`, which also does image-to-image."""

from __future__ import annotations

from pathlib import Path

from diffusers import AutoencoderKL, StableDiffusionPipeline
from torch import nn

from compute.recipes.diffusion.autoencoders import side_factor
from compute.recipes.diffusion.recipe import METRIC_NAMES
from compute.recipes.diffusion.text import TextRecipe
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.stable_diffusion.config import Config
from compute.recipes.stable_diffusion.tuning import load_stable
from compute.recipes.training.card import About
from compute.recipes.training.program import SAMPLES, perform


def run(config: Config) -> Path:
    return perform(StableDiffusion(config))


class StableDiffusion(TextRecipe):
    name = "stable_diffusion"
    stock = StableDiffusionPipeline
    tokens_key = "model.max_tokens"
    config: Config

    @property
    def tokens(self) -> int:  # type: ignore[override]
        return int(self.tokenizer.model_max_length)

    def finished(self, base: Source) -> StableDiffusionPipeline:
        return load_stable(base, more="a mask, a picture to edit")

    def build_networks(self) -> nn.Module:
        if not isinstance(self.autoencoder, AutoencoderKL):
            raise Refused("Stable Diffusion builds on a KL autoencoder. Choose one with 'autoencoder.id'.")
        return super().build_networks()

    def pipeline(self) -> StableDiffusionPipeline:
        return StableDiffusionPipeline(
            vae=self.autoencoder,
            text_encoder=self.text_encoder,
            tokenizer=self.tokenizer,
            unet=self.unet,
            scheduler=self.scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )

    def about(self) -> About:
        sampling, side = self.config.sampling, self.config.dataset.size
        return About(
            task="text-to-image",
            what="A text-to-image model of the Stable Diffusion 1 architecture: a CLIP-style text encoder and a UNet "
            f"with cross-attention, on latents {side_factor(self.autoencoder)} times smaller than pictures.",
            usage=f"""
from diffusers import AutoPipelineForImage2Image, DiffusionPipeline

pipeline = DiffusionPipeline.from_pretrained("{{name}}")
prompt = {self.asked(1)[0].text!r}
picture = pipeline(
    prompt, height={side}, width={side}, num_inference_steps={sampling.steps}, guidance_scale={sampling.guidance}
).images[0]
changed = AutoPipelineForImage2Image.from_pipe(pipeline)(prompt, image=picture, strength=0.6).images[0]
""",
            tags=("diffusers", "stable-diffusion"),
            metric_names=METRIC_NAMES,
            inference={"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance},
            picture=SAMPLES,
            picture_shows="Pictures drawn by this model",
        )
