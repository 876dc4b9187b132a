"""Adapters of transformers with rectified flow (MMDiT): of `text_to_image`, of `mmdit`, of any Stable Diffusion 3."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import StableDiffusion3Pipeline
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from compute.recipes.adapters.about import SUBJECT, about_adapter, require_adapter, stock_loading, subject_of
from compute.recipes.adapters.config import CHECKED_SEED, FIRST_SEED, STREAM, Config
from compute.recipes.adapters.earlier import learned_vectors, look_up_earlier, take_lora
from compute.recipes.adapters.layers import add_lora, lora_facts, lora_state
from compute.recipes.adapters.words import EMBEDS, PLACES, add_vector, add_word, loading_a_word
from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.data.buckets import BucketOrder
from compute.recipes.data.caches import kept
from compute.recipes.data.cutting import Reading
from compute.recipes.data.pictures import load_pictures
from compute.recipes.diffusion.checking import alike_checked
from compute.recipes.diffusion.drawing import drawn
from compute.recipes.lineage import Source
from compute.recipes.mmdit.bases import OnPixels, load_flow_base
from compute.recipes.refusal import Refused
from compute.recipes.sheets import as_pixels, contact_sheet
from compute.recipes.text_to_image.flow import draw_times, velocity_loss
from compute.recipes.training.bases import folder_of, identity_of, look_up_base
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import Recipe, perform
from compute.recipes.training.randomness import BATCHES, VALIDATION, generator


class FlowAdapter(Recipe):
    name = "adapters"
    shaping_sections = ("adapter",)
    config: Config

    def require(self) -> None:
        require_adapter(self.config)
        if not self.config.dataset.prompt and not self.config.dataset.caption_column:
            raise Refused("Set 'dataset.caption_column', or 'dataset.prompt' for all pictures.")

    def bases(self) -> list[Source]:
        found = look_up_base(self.config.base, key="base")
        self.base = Source(found.id, found.revision, "adapter")
        self.earlier = look_up_earlier(self.config)
        return [self.base, self.earlier] if self.earlier else [self.base]

    def build(self) -> None:
        config, data = self.config, self.config.dataset
        self.pictures = load_pictures(data, self.facts, self.left_out, self.caches)
        self.test = load_pictures(data, self.facts, self.left_out, self.caches, test=True)
        self.order = BucketOrder([len(b) for b in self.pictures.buckets], batch=config.training.batch, seed=config.seed)
        self.model = load_flow_base(folder_of(self.base), self.base.id, self.device)
        self.layers = self._layers()

    def _layers(self) -> nn.ParameterList:
        """What is trained."""
        adapter = self.config.adapter
        if adapter.method == "textual_inversion":
            if not isinstance(self.model, OnPixels):
                raise Refused(
                    "A new word is learned by models of the recipe text_to_image. "
                    "Set 'adapter.method' to lora or dreambooth, or choose another 'base.id'."
                )
            network = self.model.network
            token, like = add_word(network.tokenizer, adapter)
            encoders = (network.text_encoder, network.text_encoder_2)
            first = learned_vectors(self.earlier, PLACES, encoders) if self.earlier else [None] * len(encoders)
            return nn.ParameterList(
                add_vector(encoder, token, like, vector) for encoder, vector in zip(encoders, first, strict=True)
            )
        if adapter.method == "dreambooth":
            # Before the adapter is in: they show what the base model makes of the class.
            self._prior_pixels = self._class_pictures()
        layers = add_lora(self.model.transformer, adapter)
        if self.earlier:
            take_lora(self.earlier, self.model.transformer, adapter, prefix="transformer")
        return layers

    def _class_pictures(self) -> Tensor:
        adapter, sampling, side = self.config.adapter, self.config.sampling, self.config.dataset.size
        named = [*identity_of(self.base), adapter.class_prompt, side]
        named += [adapter.class_pictures, sampling.steps, sampling.guidance]

        def make() -> dict[str, Tensor]:
            return {"pixels": as_pixels(self._drawn([adapter.class_prompt] * adapter.class_pictures, seed=FIRST_SEED))}

        return kept(self.caches / f"class-{fingerprint_of(named)}.safetensors", make)["pixels"]

    @property
    def rows(self) -> int:
        return len(self.pictures)

    def readings(self) -> list[Reading]:
        return self.model.readings(self._called(self.pictures.captions))

    def sizes(self) -> list[int]:
        return [len(bucket) for bucket in self.pictures.buckets]

    def players(self) -> list[Player]:
        return [Player(self.layers, self._flow, within=self.model.transformer)]

    def measure(self) -> dict[str, float]:
        total = 0.0
        for bucket in self.test.buckets:
            rows = torch.arange(len(bucket))
            random = generator(self.config.seed, VALIDATION, 0)
            latents = self.model.latents(bucket.pictures(rows))
            noise = torch.randn(latents.shape, generator=random)
            times = (rows + 0.5) / len(rows)
            total += float(self._loss(latents, self._called(bucket.captions), noise, times)) * len(rows)
        return {"validation_loss": total / len(self.test)} | self._likeness()

    def draw(self) -> Image.Image:
        return contact_sheet(self._drawn(self.shown_prompts(), seed=self.config.seed))

    def shown_prompts(self) -> list[str]:
        prompt, count = self.config.dataset.prompt, self.config.validation.pictures
        return [prompt] * count if prompt else list(dict.fromkeys(self.test.captions))[:count]

    def _likeness(self) -> dict[str, float]:
        """Whether pictures of the subject show what its own do."""
        prompt, sampling = self.config.dataset.prompt, self.config.sampling
        if not (prompt and sampling.checker):
            return {}
        made = self._drawn([prompt] * sampling.checked, seed=CHECKED_SEED)
        return alike_checked(made, subject_of(self.test) * len(made), name=SUBJECT)

    def _drawn(self, prompts: Sequence[str], *, seed: int) -> list[Image.Image]:
        sampling, side = self.config.sampling, self.config.dataset.size
        pipeline = self.model.around(self.model.transformer)
        pipeline.set_progress_bar_config(disable=True)
        options = {"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance, "height": side}
        return drawn(pipeline, prompts, seed=seed, **options, width=side, max_sequence_length=self.model.places)

    def export(self, folder: Path) -> None:
        if self.config.adapter.method == "textual_inversion":
            folder.mkdir(parents=True)
            vectors = [vector.detach().cpu().clone() for vector in self.layers]
            save_file(dict(zip(PLACES, vectors, strict=True)), folder / EMBEDS)
            return
        state, facts = lora_state(self.model.transformer), lora_facts(self.config.adapter)
        StableDiffusion3Pipeline.save_lora_weights(
            folder, transformer_lora_layers=state, transformer_lora_adapter_metadata=facts
        )

    def about(self) -> About:
        prompt = self.config.dataset.prompt or self.test.captions[0]
        loading = stock_loading(self.config.adapter.method, "StableDiffusion3Pipeline", absent=self.model.absent)
        if self.config.adapter.method == "textual_inversion":
            loading = loading_a_word(self.config.adapter.word)
        return about_adapter(self.config, self.base, loading, prompt, self.earlier)

    def _flow(self, step: int, index: int) -> Terms:
        place, rows = self.order.at(index)
        bucket = self.pictures.buckets[place]
        random = generator(self.config.seed, BATCHES, index)
        loss = self._of_batch(bucket.pictures(rows), [bucket.captions[row] for row in rows.tolist()], random)
        adapter = self.config.adapter
        if adapter.method != "dreambooth":
            return {"loss": loss}
        random = generator(self.config.seed, STREAM, index)
        chosen = torch.randint(len(self._prior_pixels), (self.training.batch,), generator=random)
        pictures = self._prior_pixels[chosen].float() / 127.5 - 1.0
        prior = self._of_batch(pictures, [adapter.class_prompt] * len(pictures), random, called=False)
        return {"prior": prior, "loss": loss + adapter.prior_weight * prior}

    def _of_batch(
        self, pictures: Tensor, captions: list[str], random: torch.Generator, *, called: bool = True
    ) -> Tensor:
        latents = self.model.latents(pictures)
        noise = torch.randn(latents.shape, generator=random)
        times = self._times(len(pictures), random)
        return self._loss(latents, self._called(captions) if called else captions, noise, times)

    def _times(self, count: int, random: torch.Generator) -> Tensor:
        """Shifted as the base was trained and draws: a flat colour shows through much noise, and is decided there."""
        training = self.config.training
        return draw_times(
            count, mean=training.time_mean, deviation=training.time_deviation, shift=self.model.shift, random=random
        )

    def _called(self, captions: list[str]) -> list[str]:
        """What the pictures with these captions are called."""
        return [self.config.dataset.prompt or caption for caption in captions]

    def _loss(self, latents: Tensor, captions: list[str], noise: Tensor, times: Tensor) -> Tensor:
        said = self.model.said(captions)
        return velocity_loss(self.model.transformer, latents, said, noise.to(self.device), times.to(self.device))


def run_flow(config: Config) -> Path:
    return perform(FlowAdapter(config))
