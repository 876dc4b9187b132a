"""The keys that all recipes share, with their units and defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from compute.recipes.lineage import Credit
from compute.recipes.refusal import Refused


@dataclass(frozen=True)
class LoopConfig:
    """How it is trained. Training ends at `steps` or after `max_seconds`, whichever is first."""

    steps: int = 1500  # optimizer steps
    max_seconds: float = 0.0  # wall time of training over all attempts; 0 sets no limit
    batch: int = 32  # in each process
    accumulate: int = 1  # batches per optimizer step
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = 1.5e-3
    muon_learning_rate: float = 0.02  # for matrices inside blocks, and kernels of one dimension
    weight_decay: float = 0.01
    warmup: float = 0.05  # share of training in which the rate climbs from zero
    decay: float = 0.4  # share of training, at its end, in which it falls to zero
    clip: float = 1.0  # largest norm of the gradient
    ema: float = 0.995
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    shard: bool = False  # of many processes each keeps its part of weights, averages and optimizer (FSDP)
    gradient_checkpointing: bool = False  # computes activations twice instead of keeping them
    compiler: str = ""  # torch's backend for layers that repeat, such as inductor; empty: they run as written
    device: str = ""  # empty: cuda when there is one, else cpu
    threads: int = 0  # 0: as many as this process may use
    log_every: int = 10  # steps
    checkpoint_every: int = 200  # steps


@dataclass(frozen=True)
class PublishConfig:
    """Where the model goes and what its card says. Without `repo_id` it stays local."""

    repo_id: str = ""
    private: bool = False
    show_private: bool = False  # lets the card of a public model name a private data set or model
    title: str = ""
    licence: str = "apache-2.0"
    tags: tuple[str, ...] = ()


# Length, habits of saving and the machine may change between attempts; everything else shapes the weights.
# With half the processes and twice `accumulate`, a step sees the batches that it would have seen.
FREE = frozenset(
    {
        *("steps", "max_seconds", "log_every", "checkpoint_every"),
        *("threads", "device", "accumulate", "shard", "gradient_checkpointing"),
    }
)


def shaping(training: dict[str, Any]) -> dict[str, Any]:
    """The keys of a training section, as plain data, that shape the weights."""
    return {key: value for key, value in training.items() if key not in FREE}


def require_seed(seed: int) -> None:
    """Raises Refused for what torch cannot begin with."""
    if not 0 <= seed < 2**63:
        raise Refused("'seed' must be a whole number from 0.")


def require_sensible_loop(training: LoopConfig) -> None:
    """Raises Refused for values that are of the right type and still cannot work."""
    for name in ("steps", "batch", "accumulate", "log_every", "checkpoint_every"):
        if getattr(training, name) < 1:
            raise Refused(f"'training.{name}' must be at least 1.")
    if not training.clip > 0.0:
        raise Refused("'training.clip' must be a number above 0.")
    for name in ("learning_rate", "muon_learning_rate", "weight_decay", "max_seconds", "threads"):
        if not 0 <= getattr(training, name) < math.inf:
            raise Refused(f"'training.{name}' must be 0 or more.")
    if not 0.0 <= training.ema < 1.0:
        raise Refused("'training.ema' is a share: 0 or more, and less than 1.")
    if not (training.warmup >= 0 and training.decay >= 0) or training.warmup + training.decay > 1:
        raise Refused("'training.warmup' and 'training.decay' are shares of training; together at most 1.")
    if training.shard and training.precision == "fp16":
        raise Refused("Weights in shards are trained in fp32 or bf16. Set 'training.precision'.")
    if training.shard and training.optimizer == "muon":
        raise Refused("Muon works on whole matrices. With 'training.shard', set 'training.optimizer' to adamw.")


@dataclass(frozen=True)
class ValidationConfig:
    """Metrics and pictures while training, with the averaged weights."""

    every: int = 0  # steps; 0: only before and after
    pictures: int = 8


@dataclass(frozen=True)
class SourceConfig:
    """A finished model to start from or to build on."""

    id: str = ""  # hub id, or a folder
    revision: str = "main"


@dataclass(frozen=True)
class RecipeConfig:
    """The sections that every recipe has beside its own `dataset`, `model` and `training`."""

    seed: int = 0
    output: str = "output"  # folder for caches, checkpoints, samples, log and the finished model
    accept_dataset_licence: str = ""  # see compute.recipes.licences
    accept_base_licence: str = ""
    credits: tuple[Credit, ...] = ()
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    publish: PublishConfig = field(default_factory=PublishConfig)

    @property
    def folder(self) -> Path:
        return Path(self.output)
