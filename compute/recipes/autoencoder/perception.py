"""Features for the perceptual loss, learned from the data at hand: nothing is downloaded.

A small network learns to tell how a picture was distorted: not at all, blurred, made noisy,
faded, its colours out of register, or coarsened. To do so it must see edges, grain, colour
and contrast, which is what a distance between pictures should notice. Then it is frozen.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from compute.recipes.training.randomness import generator

WIDTHS = (16, 32, 64)
DISTORTIONS = 6
SCENES, RATE = 8, 2e-3
STREAM = 10  # of chance


class Perception(nn.Module):
    """Pictures in -1..1 to features at three scales."""

    def __init__(self) -> None:
        super().__init__()
        ins = (3, *WIDTHS[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(i, o, 4, stride=2, padding=1), nn.GroupNorm(4, o), nn.SiLU(), nn.Conv2d(o, o, 3, padding=1)
            )
            for i, o in zip(ins, WIDTHS, strict=True)
        )
        self.head = nn.Linear(2 * sum(WIDTHS), DISTORTIONS)

    def features(self, pictures: Tensor) -> list[Tensor]:
        found = []
        for stage in self.stages:
            pictures = stage(pictures)
            found.append(pictures)
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        """Which distortion, as scores (n, 6), from the mean and the energy of every feature."""
        features = self.features(pictures)
        means = [each.mean(dim=(2, 3)) for each in features]
        energies = [each.square().mean(dim=(2, 3)) for each in features]
        return self.head(torch.cat([*means, *energies], dim=1))

    def distance(self, one: Tensor, other: Tensor) -> Tensor:
        """Mean squared distance of features of unit length, over all places and scales."""
        pairs = zip(self.features(one), self.features(other), strict=True)
        return sum((_unit(a) - _unit(b)).square().sum(dim=1).mean() for a, b in pairs) / len(WIDTHS)


def distorted(pictures: Tensor, kinds: Tensor, random: torch.Generator) -> Tensor:
    """Each picture distorted in its way, 0 to 5; 0 leaves it as it is."""
    noise = torch.randn(pictures.shape, generator=random)
    blurred = functional.avg_pool2d(functional.pad(pictures, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    coarse = functional.interpolate(functional.avg_pool2d(pictures, 4), scale_factor=4.0)
    coarse = functional.pad(coarse, _missing(coarse, pictures), mode="replicate")
    apart = torch.cat([pictures[:, :1].roll(1, dims=3), pictures[:, 1:]], dim=1)
    ways = torch.stack([pictures, blurred, pictures + 0.15 * noise, 0.6 * pictures, apart, coarse])
    return ways[kinds, torch.arange(len(pictures))]


def learned_perception(pictures: Tensor, *, steps: int, seed: int, path: Path) -> Perception:
    """The frozen network for these pictures (uint8), from `path` when it was learned before."""
    network = Perception()
    if path.exists():
        network.load_state_dict(load_file(path))
    else:
        _learn(network, pictures, steps=steps, seed=seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        writing = path.with_name("." + path.name)
        save_file(network.state_dict(), writing)
        writing.rename(path)
    return network.eval().requires_grad_(False)


def _learn(network: Perception, pictures: Tensor, *, steps: int, seed: int) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE)
    for step in range(steps):
        random = generator(seed, STREAM, step)
        # Each scene in every way: what a picture shows then tells nothing, only what was done to it.
        rows = torch.randint(len(pictures), (SCENES,), generator=random).repeat_interleave(DISTORTIONS)
        kinds = torch.arange(DISTORTIONS).repeat(SCENES)
        seen = distorted(pictures[rows].float() / 127.5 - 1.0, kinds, random)
        functional.cross_entropy(network(seen), kinds).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def _unit(features: Tensor) -> Tensor:
    return functional.normalize(features, dim=1, eps=1e-6)


def _missing(small: Tensor, whole: Tensor) -> tuple[int, int, int, int]:
    return 0, whole.shape[3] - small.shape[3], 0, whole.shape[2] - small.shape[2]
