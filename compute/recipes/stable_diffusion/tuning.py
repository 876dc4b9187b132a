"""Goes on from a finished Stable Diffusion pipeline with more input channels; its text encoder is frozen."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn

from compute.recipes.data.caches import texts_of
from compute.recipes.data.pictures import Bucket
from compute.recipes.diffusion.text import TextRecipe
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.training.bases import family_of, folder_of, identity_of, look_up_base, look_up_finished


def widened(unet: UNet2DConditionModel, channels: int) -> UNet2DConditionModel:
    """The same network with more input channels, whose weights are zero: at first it answers as before."""
    wide = UNet2DConditionModel.from_config(unet.config, in_channels=channels)
    state = unet.state_dict()
    old = state["conv_in.weight"]
    first = old.new_zeros(old.shape[0], channels, *old.shape[2:])
    first[:, : old.shape[1]] = old
    wide.load_state_dict(state | {"conv_in.weight": first})
    return wide


def load_stable(source: Source, *, more: str) -> StableDiffusionPipeline:
    """The whole pipeline in full precision. Raises Refused when its UNet sees `more` than noisy latents."""
    base = _loaded(StableDiffusionPipeline, source)
    if base.unet.config.in_channels != base.vae.config.latent_channels:
        raise Refused(f"The base model {source.id} has {more} or the like already. Choose a plain one.")
    return base


def _loaded(kind: Any, source: Source) -> Any:
    return kind.from_pretrained(folder_of(source), use_safetensors=True, safety_checker=None, dtype=torch.float32)


BASES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline")  # the same networks under two names


class Tuning(TextRecipe):
    """Subclasses bring the further channels and the stock pipeline."""

    more: ClassVar[str]  # what the further channels are, for refusals
    own: ClassVar[Any] = None  # the stock pipeline that is saved, where a base may be one too

    def bases(self) -> list[Source]:
        kinds = (*BASES, self.own.__name__) if self.own else BASES
        self.autoencoder_source = look_up_finished(self.config.base, *kinds) or look_up_base(
            self.config.base, key="base"
        )
        return [self.autoencoder_source]

    def further_channels(self, latent_channels: int) -> int:
        """How many channels come after those of the noisy latents."""
        raise NotImplementedError

    def build_networks(self) -> nn.Module:
        unet = self.load_base()
        channels = self._channels()
        self.unet = unet if unet.config.in_channels == channels else widened(unet, channels)
        self.cache_texts([*self.pictures.captions, *self.test.captions])
        return self.unet

    def load_base(self) -> UNet2DConditionModel:
        """Takes tokenizer, frozen text encoder and scheduler from the base, and gives its UNet."""
        base = self._load_stable(self.autoencoder_source)
        self.tokenizer = base.tokenizer
        self.tokens = base.tokenizer.model_max_length
        self.text_encoder = base.text_encoder.eval().requires_grad_(False).to(self.device)
        self.scheduler = DDIMScheduler.from_config(base.scheduler.config)
        return base.unet

    def _load_stable(self, source: Source) -> Any:
        if not self.own or family_of(source) != self.own.__name__:
            return load_stable(source, more=self.more)
        base = _loaded(self.own, source)
        if (seen := base.unet.config.in_channels) not in {base.vae.config.latent_channels, self._channels()}:
            raise Refused(
                f"{source.id} sees {seen} channels, and models of this recipe {self._channels()}. "
                "Choose another 'base.id'."
            )
        return base

    def _channels(self) -> int:
        """What the network sees: noisy latents, and what comes after them."""
        latents = int(self.autoencoder.config.latent_channels)
        return latents + self.further_channels(latents)

    def cache_texts(self, texts: list[str]) -> None:
        """Asks the frozen text encoder once what it says of these texts, and of none."""
        self._texts = texts_of(
            ["", *texts],
            lambda some: self.text_encoder(self._tokens(some).to(self.device))[0].cpu(),
            self.caches,
            named=identity_of(self.autoencoder_source),
        )

    def states(self, bucket: Bucket, rows: Tensor, random: torch.Generator | None) -> Tensor:
        captions = [bucket.captions[row] for row in rows.tolist()]
        if random is not None:
            dropped = torch.rand(len(rows), generator=random) < self.config.training.condition_dropout
            captions = ["" if drop else text for text, drop in zip(captions, dropped.tolist(), strict=True)]
        return self._texts.of(captions).to(self.device)

    def parts(self) -> dict[str, Any]:
        """What every Stable Diffusion pipeline is made of."""
        return {
            "vae": self.autoencoder,
            "text_encoder": self.text_encoder,
            "tokenizer": self.tokenizer,
            "unet": self.unet,
            "scheduler": self.scheduler,
            "safety_checker": None,
            "feature_extractor": None,
            "requires_safety_checker": False,
        }
