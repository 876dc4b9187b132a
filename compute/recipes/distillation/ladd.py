"""LADD (arXiv 2403.12015): the student of a transformer with rectified flow, judged by its teacher's own features."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import StableDiffusion3Pipeline
from PIL import Image
from torch import Tensor

from compute.recipes.autoencoder.losses import hinge
from compute.recipes.data.cutting import Reading
from compute.recipes.data.pictures import load_pictures
from compute.recipes.diffusion.checking import Asked as Wanted
from compute.recipes.diffusion.checking import shapes_checked
from compute.recipes.distillation.comparing import FEWER, Drawn, distance, mean_over_places, timed
from compute.recipes.distillation.config import Config, TeachingConfig, require_distillable
from compute.recipes.distillation.earlier import take_student
from compute.recipes.distillation.flow import Asked, Eye, along, noised, student_scheduler, student_times, velocity
from compute.recipes.distillation.heads import Heads
from compute.recipes.distillation.sheet import about_student
from compute.recipes.distillation.teaching import Taught, drawn_latents, taught_by
from compute.recipes.distillation.times import drawn_places
from compute.recipes.lineage import Source
from compute.recipes.mmdit.bases import load_flow_base
from compute.recipes.shapes.vocabulary import held_out_prompts
from compute.recipes.sheets import contact_sheet
from compute.recipes.text_to_image.config import SamplingConfig
from compute.recipes.text_to_image.flow import draw_times
from compute.recipes.text_to_image.sampling import generate
from compute.recipes.training.bases import folder_of, identity_of, look_up_base, look_up_finished
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import Recipe, perform
from compute.recipes.training.randomness import BATCHES, VALIDATION, Order, generator

FIRST_SEED = 1_000  # of pictures for the checker
LOOKED_AT = 0.25  # how noisy pictures are when student and teacher are compared


class Ladd(Recipe):
    name = "distillation"
    shaping_sections = ("model", "teaching")
    config: Config

    def require(self) -> None:
        require_distillable(self.config)

    def bases(self) -> list[Source]:
        self.source = replace(look_up_base(self.config.teacher, key="teacher"), kind="distilled")
        self.earlier = look_up_finished(self.config.earlier, StableDiffusion3Pipeline.__name__, key="earlier")
        return [self.source, self.earlier] if self.earlier else [self.source]

    def build(self) -> None:
        config = self.config
        pictures = load_pictures(config.dataset, self.facts, self.left_out, self.caches)
        test = load_pictures(config.dataset, self.facts, self.left_out, self.caches, test=True)
        self.base = load_flow_base(folder_of(self.source), self.source.id, self.device)
        self.teacher = self.base.around(self.base.transformer)
        self.student = copy.deepcopy(self.base.transformer).requires_grad_(True)
        if self.earlier:
            take_student(self.earlier, self.student, part="transformer")
        named = [*identity_of(self.source), self.facts.source.revision, self.left_out.plain()]

        def taught(captions: Sequence[str], teaching: TeachingConfig) -> Taught:
            places = self.base.places
            return taught_by(self.teacher, captions, teaching, self.caches, named=named, places=places)

        self.taught = taught(pictures.captions, config.teaching)
        self.test = taught(test.captions, replace(config.teaching, pictures=config.sampling.checked))
        self.order = Order(len(self.taught), seed=config.seed)
        self.eye = Eye(self.base.transformer, config.model.blocks)
        self.heads = Heads(self.eye.channels, self._asked([""]).pooled.shape[1] + 1, config.model.head_width)
        self.times = student_times(config.model)
        self._made: dict[int, tuple[Tensor, Tensor, Tensor, Asked]] = {}
        self._compared: list[Drawn] = []

    @property
    def rows(self) -> int:
        return len(self.taught)

    def readings(self) -> list[Reading]:
        return self.base.readings(self.taught.captions)

    def players(self) -> list[Player]:
        own = Player(self.student, self._draw)
        if not self.config.training.adversarial_weight:
            return [own]
        return [own, Player(self.heads, self._tell_apart, rate=self.config.training.discriminator_rate)]

    def measure(self) -> dict[str, float]:
        sampling, places = self.config.sampling, self.base.places
        pipeline = self._pipeline(sampling.steps)
        steps, guidance = sampling.steps, sampling.guidance
        made = drawn_latents(pipeline, self.test.captions, steps, guidance, seed=FIRST_SEED, places=places)
        ours, theirs = self._features(made), self._features(self.test.latents)
        metrics = {"kernel_distance": distance(ours, theirs)}
        if sampling.checker:
            wanted = self._wanted(sampling.checked)
            metrics |= shapes_checked(self._drawn(pipeline, wanted, sampling.steps, sampling.guidance), wanted)
        return metrics

    def draw(self) -> Image.Image:
        sampling = self.config.sampling
        wanted = self._wanted(self.config.validation.pictures)
        return contact_sheet(self._drawn(self._pipeline(sampling.steps), wanted, sampling.steps, sampling.guidance))

    def shown_prompts(self) -> list[str]:
        return [each.text for each in self._wanted(self.config.validation.pictures)]

    def export(self, folder: Path) -> None:
        self._pipeline(self.config.model.steps).save_pretrained(folder, safe_serialization=True)

    def judge(self, folder: Path) -> dict[str, float]:
        """Draws the same with student and teacher, in fewer and fewer steps."""
        teaching, sampling = self.config.teaching, self.config.sampling
        absent = self.base.absent
        student = StableDiffusion3Pipeline.from_pretrained(folder, use_safetensors=True, **absent)
        self.base.prepare(student)
        fewer = dict.fromkeys((sampling.steps, *FEWER))
        tried = [("teacher", teaching.steps, teaching.guidance), ("teacher", sampling.steps, teaching.guidance)]
        tried += [(who, steps, sampling.guidance) for who in ("teacher", "student") for steps in fewer]
        self._compared = [self._tried(student, who, steps, guidance) for who, steps, guidance in tried]
        metrics = {f"seconds_{row.name}": row.seconds for row in self._compared}
        return metrics | {f"right_{row.name}": row.right for row in self._compared if row.right is not None}

    def about(self) -> About:
        return about_student(
            self.config,
            self.source,
            self.rows,
            self._compared,
            self._wanted(1)[0].text,
            absent=self.base.absent,
            earlier=self.earlier,
        )

    def _draw(self, step: int, index: int) -> Terms:
        """The student takes one step from a noisy picture of the teacher's; what it makes is looked at."""
        training = self.config.training
        random = generator(self.config.seed, BATCHES, index)
        rows = self.order.rows(index * training.batch, training.batch)
        real = self.taught.latents[rows].to(self.device)
        asked = self._asked([self.taught.captions[row] for row in rows.tolist()])
        places = drawn_places(len(rows), len(self.times), step / training.steps, training, random)
        times = self.times[places].to(self.device)
        noise = self.taught.noise(rows) if training.paired_weight else torch.randn(real.shape, generator=random)
        noisy = noised(real, noise.to(self.device), times)
        made = noisy - along(times) * velocity(self.student, noisy, times, asked)
        terms: dict[str, Tensor] = {"loss": 0.0 * made.mean()}
        if training.paired_weight:
            terms["paired"] = (made - real).square().mean()
            terms["loss"] = terms["loss"] + training.paired_weight * terms["paired"]
        levels = self._levels(len(rows), random)
        if training.adversarial_weight:
            self._made[index] = real, made.detach(), levels, asked
        return self._judged(made, levels, asked, step, terms, random)

    def _judged(
        self, made: Tensor, levels: Tensor, asked: Asked, step: int, terms: dict[str, Tensor], random: torch.Generator
    ) -> Terms:
        """With what the teacher and the heads say when they look at what was made."""
        training = self.config.training
        heads_judge = training.adversarial_weight > 0.0 and step >= training.adversarial_start
        if not heads_judge and not training.distillation_weight:
            return terms
        renoised = noised(made, torch.randn(made.shape, generator=random).to(self.device), levels)
        features, answer = self.eye.look(renoised, levels, asked)
        if training.distillation_weight:
            # From how the teacher would go on: the less noise was added, the more its answer binds.
            would = (renoised - along(levels) * answer).detach()
            terms["distillation"] = ((1.0 - along(levels)) * (made - would).square()).mean()
            terms["loss"] = terms["loss"] + training.distillation_weight * terms["distillation"]
        if heads_judge:
            terms["adversarial"] = -self.heads(features, self._known(levels, asked)).mean()
            terms["loss"] = terms["loss"] + training.adversarial_weight * terms["adversarial"]
        return terms

    def _tell_apart(self, step: int, index: int) -> Terms:
        real, made, levels, asked = self._made.pop(index)
        known = self._known(levels, asked)

        def scores(pictures: Tensor) -> Tensor:
            with torch.no_grad():
                features = self.eye.look(noised(pictures, torch.randn_like(pictures), levels), levels, asked)[0]
            answer: Tensor = self.heads(features, known)
            return answer

        return {"loss": hinge(scores(real), scores(made))}

    def _levels(self, count: int, random: torch.Generator) -> Tensor:
        training = self.config.training
        levels = draw_times(
            count, mean=training.noise_mean, deviation=training.noise_deviation, shift=1.0, random=random
        )
        return levels.to(self.device)

    def _known(self, levels: Tensor, asked: Asked) -> Tensor:
        """What a head is told beside the features: the prompt, and how much noise is in the picture."""
        return torch.cat([asked.pooled, levels[:, None]], dim=1)

    @torch.no_grad()
    def _asked(self, captions: Sequence[str]) -> Asked:
        return Asked(*self.base.said(captions))

    @torch.no_grad()
    def _features(self, latents: Tensor) -> Tensor:
        """What the teacher sees at last in pictures, all with the same noise and no prompt."""
        levels = torch.full((len(latents),), LOOKED_AT, device=self.device)
        noise = torch.randn(latents.shape, generator=generator(self.config.seed, VALIDATION, 0))
        noisy = noised(latents.to(self.device), noise.to(self.device), levels)
        return mean_over_places(self.eye.look(noisy, levels, self._asked([""] * len(latents)))[0][-1])

    def _pipeline(self, steps: int) -> StableDiffusion3Pipeline:
        """The student's, ready to draw in so many steps."""
        pipeline = self.base.around(self.student)
        pipeline.register_modules(scheduler=student_scheduler(self.config.model, steps=steps))
        return pipeline

    def _wanted(self, count: int) -> list[Wanted]:
        if self.config.sampling.checker == "shapes":
            return [Wanted(p.text, colour=p.scene.colour, shape=p.scene.shape) for p in held_out_prompts(count)]
        return [Wanted(text) for text in list(dict.fromkeys(self.test.captions))[:count]]

    def _drawn(
        self, pipeline: StableDiffusion3Pipeline, wanted: Sequence[Wanted], steps: int, guidance: float
    ) -> list[Image.Image]:
        sampling = SamplingConfig(steps=steps, guidance=guidance)
        return generate(
            pipeline, [each.text for each in wanted], sampling, seed=FIRST_SEED, zero_tokens=self.base.places
        )

    def _tried(self, student: StableDiffusion3Pipeline, who: str, steps: int, guidance: float) -> Drawn:
        sampling = self.config.sampling
        wanted = self._wanted(sampling.checked)
        pipeline = self.teacher if who == "teacher" else student
        if who == "student":
            pipeline.register_modules(scheduler=student_scheduler(self.config.model, steps=steps))

        def check(pictures: Sequence[Image.Image]) -> float | None:
            return shapes_checked(pictures, wanted)["prompt_accuracy"] if sampling.checker else None

        return timed(who, steps, guidance, lambda: self._drawn(pipeline, wanted, steps, guidance), check)


def run_ladd(config: Config) -> Path:
    return perform(Ladd(config))
