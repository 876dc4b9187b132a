"""Muon for the kernels of convolutions, which torch.optim.Muon refuses: it takes matrices alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

ROUNDS = 5
FIRST, THIRD, FIFTH = 3.4445, -4.7750, 2.0315  # of the odd polynomial that draws all singular values near one
MOMENTUM = 0.95


class KernelMuon(torch.optim.Optimizer):
    """Each kernel is a matrix with a row for every channel it makes."""

    def __init__(self, kernels: Sequence[Tensor], *, lr: float, weight_decay: float) -> None:
        super().__init__(kernels, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.grad is not None:
                    self._move(kernel, group["lr"], group["weight_decay"])

    def _move(self, kernel: Tensor, rate: float, weight_decay: float) -> None:
        state = self.state[kernel]
        mean = state.setdefault("mean", torch.zeros_like(kernel))
        mean.lerp_(kernel.grad, 1.0 - MOMENTUM)
        direction = orthogonal(torch.lerp(kernel.grad, mean, MOMENTUM).flatten(1))
        rows, columns = direction.shape
        kernel.mul_(1.0 - rate * weight_decay)
        kernel.add_(direction.view_as(kernel), alpha=-rate * max(1.0, rows / columns) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """Nearly the closest matrix whose singular values are all one (Newton and Schulz; Jordan et al. 2024)."""
    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp(min=1e-7)
    for _ in range(ROUNDS):
        square = wide @ wide.T
        wide = FIRST * wide + (THIRD * square + FIFTH * square @ square) @ wide
    return (wide if len(matrix) <= matrix.shape[1] else wide.T).contiguous()
