"""The discriminator: small heads that judge, place by place, what a frozen network sees in a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 8


class Head(nn.Module):
    """Features (n, channels, height, width) and what was asked (n, asked) to scores (n, height x width).

    High is real. What was asked is weighed against the features (projection, arXiv 1802.05637),
    so that a good picture of something else does not pass.
    """

    def __init__(self, channels: int, asked: int, width: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(channels, width, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(GROUPS, width),
            nn.LeakyReLU(0.2),
        )
        self.score = nn.Conv2d(width, 1, 1)
        self.weigh = nn.Linear(asked, width)

    def forward(self, features: Tensor, asked: Tensor) -> Tensor:
        # Networks let some channels grow large; none shall drown the others.
        seen = self.look(functional.group_norm(features, 1))
        wanted = self.weigh(asked)[:, :, None, None]
        fits = (seen * wanted).sum(dim=1, keepdim=True) / math.sqrt(seen.shape[1])
        return (self.score(seen) + fits).flatten(1)


class Heads(nn.Module):
    """One head for each place where the frozen network is looked into."""

    def __init__(self, channels: Sequence[int], asked: int, width: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Head(each, asked, width) for each in channels)

    def forward(self, features: Sequence[Tensor], asked: Tensor) -> Tensor:
        """All scores of each picture in one row: (n, places)."""
        pairs = zip(self.heads, features, strict=True)
        return torch.cat([head(each.float(), asked.float()) for head, each in pairs], dim=1)
