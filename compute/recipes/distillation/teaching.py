"""The pictures that the teacher draws for the student to learn from and to be compared with, drawn once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusion3Pipeline
from torch import Tensor

from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.configuration import as_plain
from compute.recipes.data.caches import kept
from compute.recipes.distillation.config import TeachingConfig

FIRST_SEED = 90_000
TOGETHER = 32  # in one call
PART = 512  # in one file: what a kill costs at most


@dataclass(frozen=True)
class Taught:
    """`latents` (n, channels, height, width), and what was asked for each."""

    latents: Tensor
    captions: list[str]

    def __len__(self) -> int:
        return len(self.captions)

    def noise(self, rows: Tensor) -> Tensor:
        """What the teacher's pictures of these rows began with."""
        shape = (1, *self.latents.shape[1:])
        seeds = (FIRST_SEED + row for row in rows.tolist())
        return torch.cat([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def taught_by(
    pipeline: StableDiffusion3Pipeline,
    captions: Sequence[str],
    config: TeachingConfig,
    folder: Path,
    *,
    named: Sequence[Any],
    places: int,
) -> Taught:
    """As many as the configuration says, the captions one after another, again from the first when they end.

    Picture i begins with noise of a seed of its own. `named` is what the pictures depend on beside the captions: the
    teacher, at its revision, and the data.
    """
    asked = [captions[place % len(captions)] for place in range(config.pictures)]
    key = fingerprint_of([list(named), as_plain(config), FIRST_SEED, asked])
    parts = []
    for start in range(0, len(asked), PART):
        some = asked[start : start + PART]

        def make(some: Sequence[str] = some, start: int = start) -> dict[str, Tensor]:
            seed = FIRST_SEED + start
            return {"latents": drawn_latents(pipeline, some, config.steps, config.guidance, seed=seed, places=places)}

        parts.append(kept(folder / f"taught-{key}-{start:08d}.safetensors", make)["latents"])
    return Taught(torch.cat(parts), asked)


@torch.no_grad()
def drawn_latents(
    pipeline: StableDiffusion3Pipeline, prompts: Sequence[str], steps: int, guidance: float, *, seed: int, places: int
) -> Tensor:
    """What the pipeline would decode, (n, channels, height, width); number i from noise of seed + i.

    `places` of its third encoder: one where its transformer uses `CountedAttention`.
    """
    pipeline.set_progress_bar_config(disable=True)
    drawn = []
    for start in range(0, len(prompts), TOGETHER):
        some = list(prompts[start : start + TOGETHER])
        drawn.append(
            pipeline(
                prompt=some,
                num_inference_steps=steps,
                guidance_scale=guidance,
                max_sequence_length=places,
                generator=[torch.Generator().manual_seed(seed + start + i) for i in range(len(some))],
                output_type="latent",
            ).images.cpu()
        )
    return torch.cat(drawn)
