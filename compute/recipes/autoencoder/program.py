"""Trains an autoencoder of pictures and saves it as `AutoencoderKL` or `VQModel`."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import VQModel
from PIL import Image
from torch import Tensor, nn

from compute.recipes.autoencoder.config import Config
from compute.recipes.autoencoder.losses import balance, codebook_use, hinge
from compute.recipes.autoencoder.networks import Autoencoder as Networks
from compute.recipes.autoencoder.networks import (
    build_autoencoder,
    build_discriminator,
    last_layer,
    start_codebook,
)
from compute.recipes.autoencoder.perception import learned_perception
from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.data.buckets import BucketOrder
from compute.recipes.data.pictures import Bucket, load_pictures
from compute.recipes.diffusion.autoencoders import load_autoencoder, side_factor
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.sheets import as_images, contact_sheet
from compute.recipes.training.bases import folder_of, look_up_finished
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import SAMPLES, Recipe, perform
from compute.recipes.training.randomness import generator

TOGETHER = 64
LOOKED_AT = 512  # pictures from which the unit of latents and the first codes are taken
STREAM = 11  # of chance
CLASSES = {"kl": "AutoencoderKL", "vq": "VQModel"}


def run(config: Config) -> Path:
    return perform(Autoencoder(config))


class Autoencoder(Recipe):
    name = "autoencoder"
    config: Config
    base: Source | None = None  # the finished model that is gone on with

    def require(self) -> None:
        super().require()
        model = self.config.model
        if self.config.base.id:
            return
        if any(width % model.groups for width in model.channels):
            raise Refused("Every entry of 'model.channels' must be a multiple of 'model.groups'.")
        self._require_multiple(2 ** (len(model.channels) - 1))

    def _require_multiple(self, factor: int) -> None:
        if self.config.dataset.multiple % factor:
            raise Refused(f"'dataset.multiple' must be a multiple of {factor}: so much smaller are the latents.")

    def bases(self) -> list[Source]:
        self.base = look_up_finished(self.config.base, *CLASSES.values())
        return [self.base] if self.base else []

    def build(self) -> None:
        config, data = self.config, self.config.dataset
        self.pictures = load_pictures(data, self.facts, self.left_out, self.caches)
        self.test = load_pictures(data, self.facts, self.left_out, self.caches, test=True)
        self.order = BucketOrder(
            [len(bucket) for bucket in self.pictures.buckets], batch=config.training.batch, seed=config.seed
        )
        self.autoencoder = self._finished(self.base) if self.base else self._new()
        self.kind = "vq" if isinstance(self.autoencoder, VQModel) else "kl"
        self.discriminator = build_discriminator(config.model.discriminator_width)
        self.perception = self._perception()
        self._made: dict[int, tuple[Tensor, Tensor]] = {}

    def _new(self) -> Networks:
        config = self.config
        autoencoder = build_autoencoder(config.model, size=config.dataset.size)
        if isinstance(autoencoder, VQModel):
            start_codebook(autoencoder, self._some(), generator(config.seed, STREAM, 0))
        return autoencoder

    def _finished(self, base: Source) -> Networks:
        autoencoder = load_autoencoder(folder_of(base)).requires_grad_(True)
        self._require_multiple(side_factor(autoencoder))
        return autoencoder

    @property
    def rows(self) -> int:
        return len(self.pictures)

    def sizes(self) -> list[int]:
        return [len(bucket) for bucket in self.pictures.buckets]

    def players(self) -> list[Player]:
        training = self.config.training
        own = Player(self.autoencoder, self._reconstruct)
        if not training.adversarial_weight:
            return [own]
        start, rate = training.discriminator_start, training.discriminator_rate
        return [own, Player(self.discriminator, self._tell_apart, starts=start, rate=rate)]

    def measure(self) -> dict[str, float]:
        squares, distances, count = 0.0, 0.0, 0
        indices: list[Tensor] = []
        for bucket in self.test.buckets:
            for rows in torch.arange(len(bucket)).split(TOGETHER):
                pictures = bucket.pictures(rows).to(self.device)
                again = self._again(pictures)
                squares += float(((again.clamp(-1, 1) - pictures) / 2).square().mean(dim=(1, 2, 3)).sum())
                distances += float(self.perception.distance(again, pictures)) * len(rows)
                count += len(rows)
                if self.kind == "vq":
                    indices.append(self._codes(pictures))
        metrics = {"psnr": -10.0 * float(torch.tensor(squares / count).log10()), "perceptual": distances / count}
        if indices:
            use, perplexity = codebook_use(torch.cat(indices), self.autoencoder.config.num_vq_embeddings)
            metrics |= {"codebook_usage": use, "codebook_perplexity": perplexity}
        return metrics

    def draw(self) -> Image.Image:
        bucket = self.test.buckets[0]
        pictures = bucket.pictures(torch.arange(min(8, len(bucket)))).to(self.device)
        return contact_sheet(as_images(torch.cat([pictures, self._again(pictures)])))

    def export(self, folder: Path) -> None:
        """With the unit of its latents, so that a diffusion model finds them at about variance one. A base's unit
        stays: what stands on the base reads it there."""
        if not self.base:
            with torch.no_grad():
                latents = self._latents(self._some().to(self.device))
            self.autoencoder.register_to_config(scaling_factor=round(1.0 / float(latents.std()), 5))
        self.autoencoder.save_pretrained(folder, safe_serialization=True)

    def about(self) -> About:
        kind, side = self.kind, self.config.dataset.size
        encoded = "latent_dist.mode()" if kind == "kl" else "latents"
        return About(
            task="image-to-image",
            what=f"An autoencoder of pictures ({'KL-regularised' if kind == 'kl' else 'with a codebook, VQGAN'}), "
            "trained with a perceptual and an adversarial loss. The features of the perceptual loss were learned "
            "from the same data.",
            usage=f"""
import torch
from diffusers import {CLASSES[kind]}

autoencoder = {CLASSES[kind]}.from_pretrained("{{name}}")
pictures = torch.zeros(1, 3, {side}, {side})  # yours, in -1..1
latents = autoencoder.encode(pictures).{encoded}
pictures = autoencoder.decode(latents).sample
""",
            tags=("diffusers", "autoencoder", "vae" if kind == "kl" else "vqgan"),
            metric_names={
                "psnr": "PSNR of reconstructions, dB",
                "perceptual": "Perceptual distance of reconstructions",
                "codebook_usage": "Share of codes in use",
                "codebook_perplexity": "Perplexity of the codes",
            },
            picture=SAMPLES,
            picture_shows="Pictures that were not trained on, and below them their reconstructions",
        )

    def _batch(self, index: int) -> Tensor:
        place, rows = self.order.at(index)
        bucket: Bucket = self.pictures.buckets[place]
        return bucket.pictures(rows).to(self.device)

    def _reconstruct(self, step: int, index: int) -> Terms:
        training = self.config.training
        pictures = self._batch(index)
        made, prior = self._made_of(pictures)
        absolute = (made - pictures).abs().mean()
        perceptual = self.perception.distance(made.float(), pictures)
        reconstruction = absolute + training.perceptual_weight * perceptual
        terms = {"l1": absolute, "perceptual": perceptual, "prior": prior}
        loss = reconstruction + prior
        if training.adversarial_weight and step >= training.discriminator_start:
            adversarial = -self.discriminator(made).mean()
            weight = training.adversarial_weight * balance(reconstruction, adversarial, last_layer(self.autoencoder))
            loss = loss + weight * adversarial
            terms |= {"adversarial": adversarial, "adversarial_weight": weight}
            self._made[index] = pictures, made.detach()
        return {"loss": loss, **terms}

    def _made_of(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstructions, and the weighted term that keeps latents in order."""
        model, training = self.autoencoder, self.config.training
        if self.kind == "kl":
            posterior = model.encode(pictures).latent_dist
            divergence = posterior.kl().mean() / pictures[0].numel()
            return model.decode(posterior.sample()).sample, training.kl_weight * divergence
        answer = model.decode(model.encode(pictures).latents)
        return answer.sample, training.codebook_weight * answer.commit_loss.mean()

    def _tell_apart(self, step: int, index: int) -> Terms:
        real, made = self._made.pop(index)
        return {"loss": hinge(self.discriminator(real), self.discriminator(made))}

    def _latents(self, pictures: Tensor) -> Tensor:
        encoded = self.autoencoder.encode(pictures)
        return encoded.latent_dist.mode() if self.kind == "kl" else encoded.latents

    def _again(self, pictures: Tensor) -> Tensor:
        return self.autoencoder.decode(self._latents(pictures)).sample

    def _codes(self, pictures: Tensor) -> Tensor:
        return self.autoencoder.quantize(self._latents(pictures))[2][2].cpu()

    def _some(self) -> Tensor:
        bucket = max(self.pictures.buckets, key=len)
        rows = torch.randperm(len(bucket), generator=generator(self.config.seed, STREAM, 1))[:LOOKED_AT]
        return bucket.pictures(rows)

    def _perception(self) -> nn.Module:
        training = self.config.training
        depends_on = [self.facts.source.revision, self.left_out.plain(), self.config.seed, training.feature_steps]
        path = self.caches / f"perception-{fingerprint_of(depends_on)}.safetensors"
        pixels = max(self.pictures.buckets, key=len).pixels
        network = learned_perception(pixels, steps=training.feature_steps, seed=self.config.seed, path=path)
        return network.to(self.device)
