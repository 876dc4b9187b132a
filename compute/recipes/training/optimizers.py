"""The optimizers, and the learning rate over the course of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from compute.recipes.training import shards
from compute.recipes.training.config import LoopConfig
from compute.recipes.training.kernels import KernelMuon

INSIDE = ("transformer_blocks", "attentions")  # where Muon's matrices are
SMALLEST_RATE = 0.01  # of the full rate: the last step still does something


@dataclass
class Optimizers:
    """One or two optimizers over disjoint parameters, driven together."""

    parts: list[torch.optim.Optimizer]
    full_rates: list[float]

    def set_rate(self, factor: float) -> None:
        for part, rate in zip(self.parts, self.full_rates, strict=True):
            for group in part.param_groups:
                group["lr"] = rate * factor

    def step(self, scaler: torch.amp.GradScaler | None = None) -> None:
        """One step of each; with a scaler, none where the gradients overflowed."""
        for part in self.parts:
            if scaler is None:
                part.step()
            else:
                scaler.step(part)
            part.zero_grad(set_to_none=True)

    def unscale(self, scaler: torch.amp.GradScaler) -> None:
        for part in self.parts:
            scaler.unscale_(part)

    def state_dict(self) -> list[dict[str, Any]]:
        """Whole, also of weights in shards: every process must ask."""
        return [shards.of_optimizer(part) for part in self.parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            shards.to_optimizer(part, state)


def build_optimizers(modules: nn.Module, config: LoopConfig, *, rate: float = 1.0) -> Optimizers:
    """AdamW over everything, or Muon over the blocks' matrices and kernels and AdamW over the rest.

    Muon (Jordan et al. 2024, torch.optim.Muon) orthogonalises the update of a matrix; on
    the shapes model it needs about half the steps. It is not meant for embeddings, modulation,
    input and output layers. `rate` multiplies both learning rates.
    """
    kinds: dict[str, list[Tensor]] = {"other": [], "matrix": [], "kernel": []}
    for name, parameter in modules.named_parameters():
        if parameter.requires_grad:
            kinds[_kind(name, parameter) if config.optimizer == "muon" else "other"].append(parameter)
    decay = config.weight_decay
    adam = torch.optim.AdamW(kinds["other"], lr=config.learning_rate, betas=(0.9, 0.99), weight_decay=decay, fused=True)
    found = Optimizers([adam], [config.learning_rate * rate])
    if kinds["matrix"]:
        found.parts.append(torch.optim.Muon(kinds["matrix"], lr=config.muon_learning_rate, weight_decay=decay))
    if kinds["kernel"]:
        found.parts.append(KernelMuon(kinds["kernel"], lr=config.muon_learning_rate, weight_decay=decay))
    found.full_rates.extend([config.muon_learning_rate * rate] * (len(found.parts) - 1))
    return found


def clip_gradients(weights: Sequence[nn.Parameter], clip: float) -> None:
    """Shortens the gradient to the length `clip` when it is longer; the same bits as torch's own way.

    That multiplies by one when it is not. On a processor looking costs less; on a GPU looking would mean waiting.
    """
    if weights[0].device.type != "cpu" or shards.is_sharded(weights):
        nn.utils.clip_grad_norm_(weights, clip)
        return
    norm = nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
    if not norm < 0.99 * clip:  # also when it is no number
        nn.utils.clip_grads_with_norm_(weights, clip, norm)


def rate_factor(progress: float, *, warmup: float, decay: float) -> float:
    """The share of the full rate at `progress` (0 to 1): linear up, level, linear down."""
    if progress < warmup:
        return max(progress / warmup, SMALLEST_RATE)
    if progress > 1.0 - decay:
        return max((1.0 - progress) / decay, SMALLEST_RATE)
    return 1.0


def progress_of(step: int, steps: int, seconds: float, max_seconds: float) -> float:
    """How far training is, 0 to 1, by whichever limit will end it first."""
    by_time = seconds / max_seconds if max_seconds else 0.0
    return min(1.0, max(step / steps, by_time))


def _kind(name: str, parameter: Tensor) -> str:
    """Of a parameter for Muon: a matrix inside a block, a kernel of one dimension, or another."""
    if any(part in name for part in INSIDE) and "norm" not in name and parameter.ndim == 2:
        return "matrix"
    return "kernel" if parameter.ndim == 3 and len(parameter) > 1 else "other"
