"""What frozen networks say of the data, asked once: latents of pictures, embeddings of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.data.pictures import Pictures

TOGETHER = 64


@dataclass(frozen=True)
class Latents:
    """Of one bucket: `mean` and `deviation` (n, channels, height, width), scaled to about unit variance."""

    mean: Tensor
    deviation: Tensor

    def drawn(self, rows: Tensor, random: torch.Generator) -> Tensor:
        """Latents of these rows, anew each time as the autoencoder would draw them."""
        mean = self.mean[rows]
        return mean + self.deviation[rows] * torch.randn(mean.shape, generator=random)


@torch.no_grad()
def latents_of(
    pictures: Pictures, encode: Callable[[Tensor], tuple[Tensor, Tensor]], folder: Path, *, named: Sequence[Any]
) -> list[Latents]:
    """The latents of each bucket. `named` is what they depend on: data and autoencoder, at their revisions."""
    found = []
    for place, bucket in enumerate(pictures.buckets):

        def make(bucket: Any = bucket) -> dict[str, Tensor]:
            parts = [encode(bucket.pictures(rows)) for rows in torch.arange(len(bucket)).split(TOGETHER)]
            means, deviations = zip(*parts, strict=True)
            return {"mean": torch.cat(means), "deviation": torch.cat(deviations)}

        sides = list(bucket.pixels.shape)
        tensors = kept(folder / f"latents-{fingerprint_of([list(named), place, sides])}.safetensors", make)
        found.append(Latents(tensors["mean"], tensors["deviation"]))
    return found


@dataclass(frozen=True)
class Texts:
    """Embeddings of every different text once; `rows[i]` is the place of text i."""

    states: Tensor
    places: dict[str, int]

    def of(self, texts: Sequence[str]) -> Tensor:
        return self.states[torch.tensor([self.places[text] for text in texts])]


@torch.no_grad()
def texts_of(
    texts: Sequence[str], encode: Callable[[list[str]], Tensor], folder: Path, *, named: Sequence[Any]
) -> Texts:
    """What a frozen text encoder says of each of `texts`, from `folder` when it was asked before."""
    different = sorted(set(texts))

    def make() -> dict[str, Tensor]:
        parts = [encode(different[start : start + TOGETHER]) for start in range(0, len(different), TOGETHER)]
        return {"states": torch.cat(parts)}

    tensors = kept(folder / f"texts-{fingerprint_of([list(named), different])}.safetensors", make)
    return Texts(tensors["states"], {text: place for place, text in enumerate(different)})


def kept(path: Path, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors in the file, made and written first when it is not there: whole or absent."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        writing = path.with_name("." + path.name)
        save_file({name: value.contiguous() for name, value in make().items()}, writing)
        writing.rename(path)
    loaded: dict[str, Tensor] = load_file(path)
    return loaded
