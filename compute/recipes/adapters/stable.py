"""Adapters of Stable Diffusion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor, nn

from compute.recipes.adapters.about import SUBJECT, about_adapter, require_adapter, stock_loading, subject_of
from compute.recipes.adapters.config import CHECKED_SEED, FIRST_SEED, STREAM, Config
from compute.recipes.adapters.earlier import learned_vectors, look_up_earlier, take_lora
from compute.recipes.adapters.layers import add_lora, lora_facts, lora_state
from compute.recipes.adapters.words import EMBEDS, add_vector, add_word
from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.data.caches import Latents, kept
from compute.recipes.data.pictures import Bucket, Pictures
from compute.recipes.diffusion.autoencoders import encoded
from compute.recipes.diffusion.checking import Asked, alike_checked
from compute.recipes.diffusion.text import TextRecipe
from compute.recipes.lineage import Source
from compute.recipes.sheets import as_pixels
from compute.recipes.stable_diffusion.tuning import Tuning
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import perform
from compute.recipes.training.randomness import generator


class StableAdapter(Tuning):
    name = "adapters"
    shaping_sections = ("adapter",)
    more = "a mask, a picture to edit"
    config: Config

    def require(self) -> None:
        require_adapter(self.config)
        if not self.config.dataset.prompt:
            super().require()

    def bases(self) -> list[Source]:
        bases = [replace(source, kind="adapter") for source in super().bases()]
        self.earlier = look_up_earlier(self.config)
        return [*bases, self.earlier] if self.earlier else bases

    def build_networks(self) -> nn.Module:
        data, adapter = self.config.dataset, self.config.adapter
        self.unet = self.load_base().requires_grad_(False).to(self.device)
        if data.prompt:
            self.pictures, self.test = _called(self.pictures, data.prompt), _called(self.test, data.prompt)
        if adapter.method == "textual_inversion":
            return self._new_word()
        self.cache_texts([*self.pictures.captions, *self.test.captions, adapter.class_prompt])
        if adapter.method == "dreambooth":
            # Before the adapter is in: they show what the base model makes of the class.
            self._prior_bucket, self._prior_latents = self._class_pictures()
        layers = add_lora(self.unet, adapter)
        if self.earlier:
            take_lora(self.earlier, self.unet, adapter, prefix="unet")
        return layers

    def players(self) -> list[Player]:
        return [Player(self.networks, self._denoise, within=self.unet)]

    def answer(
        self, noisy: Tensor, times: Tensor, bucket: Bucket, rows: Tensor, random: torch.Generator | None
    ) -> Tensor:
        return self.unet(noisy, times, self.states(bucket, rows, random)).sample

    def states(self, bucket: Bucket, rows: Tensor, random: torch.Generator | None) -> Tensor:
        if self.config.adapter.method != "textual_inversion":
            return super().states(bucket, rows, random)
        return TextRecipe.states(self, bucket, rows, random)

    def pipeline(self) -> StableDiffusionPipeline:
        return StableDiffusionPipeline(**self.parts())

    def asked(self, count: int) -> list[Asked]:
        if self.config.dataset.prompt:
            return [Asked(self.config.dataset.prompt)] * count
        return super().asked(count)

    def export(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        if self.config.adapter.method == "textual_inversion":
            save_file({self.config.adapter.word: self._vector.detach().cpu().clone()}, folder / EMBEDS)
        else:
            facts = lora_facts(self.config.adapter)
            StableDiffusionPipeline.save_lora_weights(
                folder, unet_lora_layers=lora_state(self.unet), unet_lora_adapter_metadata=facts
            )

    def measure(self) -> dict[str, float]:
        """With whether pictures of the subject show what its own do."""
        prompt, sampling = self.config.dataset.prompt, self.config.sampling
        if not (prompt and sampling.checker):
            return super().measure()
        made = self.drawn(self.ready(self.pipeline()), self.asked(sampling.checked), seed=CHECKED_SEED)
        return super().measure() | alike_checked(made, subject_of(self.test) * len(made), name=SUBJECT)

    def judge(self, folder: Path) -> dict[str, float]:
        return {}

    def about(self) -> About:
        prompt = self.asked(1)[0].text
        loading = stock_loading(self.config.adapter.method, "StableDiffusionPipeline")
        return about_adapter(self.config, self.autoencoder_source, loading, prompt, self.earlier)

    def _denoise(self, step: int, index: int) -> Terms:
        terms = dict(super()._denoise(step, index))
        if self.config.adapter.method == "dreambooth":
            prior = self._prior(index)
            terms |= {"prior": prior, "loss": terms["loss"] + self.config.adapter.prior_weight * prior}
        return terms

    def _prior(self, index: int) -> Tensor:
        """The loss on the base model's own pictures of the class: what it knew shall stay."""
        random = generator(self.config.seed, STREAM, index)
        rows = torch.randint(len(self._prior_bucket), (self.training.batch,), generator=random)
        noisy, times, target = self.noised(self._prior_latents.drawn(rows, random), random)
        return self.noise.loss(self.answer(noisy, times, self._prior_bucket, rows, random), target, times)

    def _class_pictures(self) -> tuple[Bucket, Latents]:
        adapter, side = self.config.adapter, self.config.dataset.size
        named = [self.autoencoder_source.id, self.autoencoder_source.revision, adapter.class_prompt, side]
        named += [adapter.class_pictures, self.config.sampling.steps, self.config.sampling.guidance]

        def make() -> dict[str, Tensor]:
            asked = [Asked(adapter.class_prompt)] * adapter.class_pictures
            images = self.drawn(self.ready(self.pipeline()), asked, seed=FIRST_SEED)
            return {"pixels": as_pixels(images)}

        pixels = kept(self.caches / f"class-{fingerprint_of(named)}.safetensors", make)["pixels"]
        count = len(pixels)
        bucket = Bucket(pixels, [adapter.class_prompt] * count, torch.zeros(count, dtype=torch.long))
        mean, deviation = encoded(self.autoencoder, bucket.pictures(torch.arange(count)).to(self.device))
        return bucket, Latents(mean.cpu(), deviation.cpu())

    def _new_word(self) -> nn.Module:
        token, like = add_word(self.tokenizer, self.config.adapter)
        first = None
        if self.earlier:
            (first,) = learned_vectors(self.earlier, [self.config.adapter.word], [self.text_encoder])
        self._vector = add_vector(self.text_encoder, token, like, first)
        self.tokenise()
        return nn.ParameterList([self._vector])


def run_stable(config: Config) -> Path:
    return perform(StableAdapter(config))


def _called(pictures: Pictures, prompt: str) -> Pictures:
    buckets = [replace(bucket, captions=[prompt] * len(bucket)) for bucket in pictures.buckets]
    return replace(pictures, buckets=buckets)
