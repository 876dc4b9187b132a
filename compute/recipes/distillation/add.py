"""ADD (arXiv 2311.17042): the student of Stable Diffusion, judged in pixels and held to its teacher's answers."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn

from compute.recipes.autoencoder.losses import hinge
from compute.recipes.autoencoder.perception import WIDTHS, learned_perception
from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.diffusion.checking import Asked, shapes_checked
from compute.recipes.diffusion.drawing import drawn
from compute.recipes.diffusion.noise import drawn_times
from compute.recipes.distillation.comparing import FEWER, Drawn, distance, mean_over_places, timed
from compute.recipes.distillation.config import Config, require_distillable
from compute.recipes.distillation.earlier import take_student
from compute.recipes.distillation.heads import Heads
from compute.recipes.distillation.sheet import about_student
from compute.recipes.distillation.times import drawn_places
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.sheets import as_pixels, contact_sheet
from compute.recipes.stable_diffusion.tuning import Tuning
from compute.recipes.training.bases import folder_of, look_up_base, look_up_finished
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import perform
from compute.recipes.training.randomness import BATCHES, generator

FIRST_SEED = 1_000  # of pictures for the checker


class Add(Tuning):
    name = "distillation"
    shaping_sections = ("model", "teaching")
    more = "a mask, a picture to edit"
    config: Config

    def require(self) -> None:
        require_distillable(self.config)

    def bases(self) -> list[Source]:
        self.autoencoder_source = replace(look_up_base(self.config.teacher, key="teacher"), kind="distilled")
        self.earlier = look_up_finished(self.config.earlier, StableDiffusionPipeline.__name__, key="earlier")
        return [self.autoencoder_source, self.earlier] if self.earlier else [self.autoencoder_source]

    def build_networks(self) -> nn.Module:
        config = self.config
        self.teacher = self.load_base().eval().requires_grad_(False).to(self.device)
        self.unet = copy.deepcopy(self.teacher).requires_grad_(True)
        if self.earlier:
            take_student(self.earlier, self.unet, part="unet")
            self._require_same_answer(self.earlier)
        self.teacher_scheduler = self.scheduler
        # From the noisiest time on: with so few steps none may be left out at the start.
        self.scheduler = DDIMScheduler.from_config(self.scheduler.config, timestep_spacing="trailing")
        self.scheduler.set_timesteps(config.model.steps)
        self.times = self.scheduler.timesteps.clone()
        self.signal = self.scheduler.alphas_cumprod.to(self.device)
        self.cache_texts([*self.pictures.captions, *self.test.captions])
        self.nothing = self._texts.of([""]).to(self.device)
        self.eye = self._perception()
        self.heads = Heads(WIDTHS, self._texts.states.shape[2], config.model.head_width)
        self._made: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        self._compared: list[Drawn] = []
        return self.unet

    def _require_same_answer(self, earlier: Source) -> None:
        file = folder_of(earlier) / "scheduler" / "scheduler_config.json"
        facts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        theirs, ours = facts.get("prediction_type", "epsilon"), self.scheduler.config.prediction_type
        if theirs != ours:
            raise Refused(
                f"{earlier.id} answers with {theirs} and its teacher with {ours}. Choose a student of this teacher."
            )

    def players(self) -> list[Player]:
        own = Player(self.unet, self._draw)
        if not self.config.training.adversarial_weight:
            return [own]
        return [own, Player(self.heads, self._tell_apart, rate=self.config.training.discriminator_rate)]

    def _without_noise(self, unet: UNet2DConditionModel, noisy: Tensor, times: Tensor, states: Tensor) -> Tensor:
        """The latents that the network sees in noisy ones."""
        told = unet(noisy, times, states).sample.float()
        signal = self.signal[times].view(-1, 1, 1, 1)
        if self.scheduler.config.prediction_type == "v_prediction":
            return signal.sqrt() * noisy - (1.0 - signal).sqrt() * told
        return (noisy - (1.0 - signal).sqrt() * told) / signal.sqrt()

    def measure(self) -> dict[str, float]:
        sampling = self.config.sampling
        pipeline = self.ready(self.pipeline())
        asked = [Asked(text) for text in self.test.captions[: sampling.checked]]
        made = as_pixels(self._pictures(pipeline, asked, sampling.steps, sampling.guidance)).float() / 127.5 - 1.0
        rows = torch.arange(min(sampling.checked, len(self.test.buckets[0])))
        real = self._decoded(self.test_latents[0].mean[rows].to(self.device))
        metrics = {"kernel_distance": distance(self._features(made), self._features(real))}
        if sampling.checker:
            wanted = self.asked(sampling.checked)
            metrics |= shapes_checked(self._pictures(pipeline, wanted, sampling.steps, sampling.guidance), wanted)
        return metrics

    def draw(self) -> Image.Image:
        sampling = self.config.sampling
        asked = self.asked(self.config.validation.pictures)
        return contact_sheet(self._pictures(self.ready(self.pipeline()), asked, sampling.steps, sampling.guidance))

    def pipeline(self) -> StableDiffusionPipeline:
        return StableDiffusionPipeline(**self.parts())

    def judge(self, folder: Path) -> dict[str, float]:
        """Draws the same with student and teacher, in fewer and fewer steps."""
        teaching, sampling = self.config.teaching, self.config.sampling
        student = self.ready(StableDiffusionPipeline.from_pretrained(folder, **self.loading())).to(self.device)
        teacher = self.ready(
            StableDiffusionPipeline(**{**self.parts(), "unet": self.teacher, "scheduler": self.teacher_scheduler})
        )
        fewer = dict.fromkeys((sampling.steps, *FEWER))
        tried = [(teacher, "teacher", steps, teaching.guidance) for steps in (teaching.steps, sampling.steps)]
        tried += [(teacher, "teacher", steps, sampling.guidance) for steps in fewer]
        tried += [(student, "student", steps, sampling.guidance) for steps in fewer]
        self._compared = [self._tried(*each) for each in tried]
        metrics = {f"seconds_{row.name}": row.seconds for row in self._compared}
        return metrics | {f"right_{row.name}": row.right for row in self._compared if row.right is not None}

    def about(self) -> About:
        prompt, earlier = self.asked(1)[0].text, self.earlier
        return about_student(self.config, self.autoencoder_source, self.rows, self._compared, prompt, earlier=earlier)

    def loading(self) -> dict[str, Any]:
        return {"use_safetensors": True, "safety_checker": None}

    def _draw(self, step: int, index: int) -> Terms:
        """The student takes one step from noisy latents; what it makes is decoded and looked at."""
        training = self.config.training
        place, rows = self.order.at(index)
        random = generator(self.config.seed, BATCHES, index)
        real = self.latents[place].drawn(rows, random).to(self.device)
        states = self.states(self.pictures.buckets[place], rows, random)
        steps = drawn_places(len(rows), len(self.times), step / training.steps, training, random)
        times = self.times[steps].to(self.device)
        noise = torch.randn(real.shape, generator=random).to(self.device)
        made = self._without_noise(self.unet, self.scheduler.add_noise(real, noise, times), times, states)
        distillation = self._distillation(made, states, random)
        terms = {"distillation": distillation, "loss": training.distillation_weight * distillation}
        if training.adversarial_weight:
            pictures = self._decoded(made)
            adversarial = -self.heads(self.eye.features(pictures), states.mean(dim=1)).mean()
            weight = training.adversarial_weight * (step >= training.adversarial_start)
            terms |= {"adversarial": adversarial, "loss": terms["loss"] + weight * adversarial}
            self._made[index] = real, pictures.detach(), states
        return terms

    def _distillation(self, made: Tensor, states: Tensor, random: torch.Generator) -> Tensor:
        """How far the teacher would go from here; the more noise it was given, the less that says."""
        times = drawn_times(len(made), random).to(self.device)
        noise = torch.randn(made.shape, generator=random).to(self.device)
        with torch.no_grad():
            noisy = self.scheduler.add_noise(made, noise, times)
            would = self._without_noise(self.teacher, noisy, times, states)
            if self.config.teaching.guidance > 1.0:
                plain = self._without_noise(self.teacher, noisy, times, self.nothing.expand_as(states))
                would = plain + self.config.teaching.guidance * (would - plain)
        return (self.signal[times].view(-1, 1, 1, 1) * (made - would).square()).mean()

    def _tell_apart(self, step: int, index: int) -> Terms:
        real, made, states = self._made.pop(index)
        asked = states.mean(dim=1)
        with torch.no_grad():
            # Decoded too: what the autoencoder loses is not the student's to restore.
            seen = [self.eye.features(pictures) for pictures in (self._decoded(real), made)]
        return {"loss": hinge(self.heads(seen[0], asked), self.heads(seen[1], asked))}

    def _decoded(self, latents: Tensor) -> Tensor:
        """With gradients, unlike when pictures are drawn."""
        pictures: Tensor = self.autoencoder.decode(latents / self.autoencoder.config.scaling_factor).sample
        return pictures.float()

    def _features(self, pictures: Tensor) -> Tensor:
        return torch.cat([mean_over_places(each) for each in self.eye.features(pictures.to(self.device))], dim=1)

    def _perception(self) -> nn.Module:
        steps = self.config.model.feature_steps
        depends_on = [self.facts.source.revision, self.left_out.plain(), self.config.seed, steps]
        path = self.caches / f"perception-{fingerprint_of(depends_on)}.safetensors"
        pixels = max(self.pictures.buckets, key=len).pixels
        return learned_perception(pixels, steps=steps, seed=self.config.seed, path=path).to(self.device)

    def _pictures(
        self, pipeline: StableDiffusionPipeline, asked: Sequence[Asked], steps: int, guidance: float
    ) -> list[Image.Image]:
        """One for each, number i from noise of a seed of its own."""
        options = {"num_inference_steps": steps, "guidance_scale": guidance, **self.drawing()}
        return drawn(pipeline, [each.text for each in asked], seed=FIRST_SEED, **options)

    def _tried(self, pipeline: StableDiffusionPipeline, who: str, steps: int, guidance: float) -> Drawn:
        sampling = self.config.sampling
        asked = self.asked(sampling.checked)

        def check(pictures: Sequence[Image.Image]) -> float | None:
            return shapes_checked(pictures, asked)["prompt_accuracy"] if sampling.checker else None

        return timed(who, steps, guidance, lambda: self._pictures(pipeline, asked, steps, guidance), check)


def run_add(config: Config) -> Path:
    return perform(Add(config))
