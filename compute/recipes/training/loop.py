"""The training loop: it resumes where it was, and ends by steps or by the clock."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from compute.recipes.checkpoints import Checkpoint, load_newest, save_checkpoint
from compute.recipes.events import EventLog
from compute.recipes.refusal import Refused
from compute.recipes.training import shards
from compute.recipes.training.average import Average
from compute.recipes.training.compiling import compile_layers
from compute.recipes.training.config import LoopConfig
from compute.recipes.training.memory import checkpoint_gradients
from compute.recipes.training.optimizers import build_optimizers, clip_gradients, progress_of, rate_factor
from compute.recipes.training.processes import Processes
from compute.recipes.training.randomness import NETWORKS, mixed_seed, reseed

Terms: TypeAlias = Mapping[str, Tensor]  # scalars by name; "loss" is what the gradient is taken of


class Stopped(Exception):
    """The program was asked to end (SIGTERM); a checkpoint has been written."""


@dataclass(frozen=True)
class Player:
    """Networks that are trained together. A recipe with a discriminator has two, which take turns.

    `loss` is asked with the step and the number of the batch over all processes, both from 0.
    What it names beside "loss" is logged. A player rests before step `starts`. `within` is the network that
    the loss computes where `modules` are only the weights added to it.
    """

    modules: nn.Module
    loss: Callable[[int, int], Terms]
    starts: int = 0
    rate: float = 1.0  # times the learning rate of the configuration
    within: nn.Module | None = None


@dataclass(frozen=True)
class Hook:
    """`act` is called after every `every` steps; 0 never."""

    every: int
    act: Callable[[Loop], None]


@dataclass
class _Seat:
    """A player with everything that changes while it trains."""

    player: Player
    joined: nn.Module
    weights: list[nn.Parameter]
    optimizers: Any
    scaler: torch.amp.GradScaler | None
    sums: dict[str, list[Tensor]] = field(default_factory=dict)


class _Whole(nn.Module):
    """A player as one module, so that processes can be joined around its loss."""

    def __init__(self, player: Player, autocast: Callable[[], Any]) -> None:
        super().__init__()
        self.modules_ = player.modules
        self._loss = player.loss
        self._autocast = autocast

    def forward(self, step: int, batch: int) -> Terms:
        with self._autocast():
            terms = self._loss(step, batch)
        return {name: value if name == "loss" else value.detach() for name, value in terms.items()}


def require_shardable(players: Sequence[Player]) -> None:
    if len(players) > 1 or any(player.within for player in players):
        raise Refused(
            "Networks that take turns, and weights added to a frozen network, are not trained in shards. "
            "Set 'training.shard' to false: each process then has a whole copy."
        )


class Loop:
    """Holds everything that changes during training, and nothing else.

    The first player is the model: its weights are averaged. With the same seed, data and
    configuration a run that was killed and went on ends with the same weights, bit for bit.
    """

    def __init__(
        self,
        config: LoopConfig,
        players: Sequence[Player],
        log: EventLog,
        *,
        folder: Path,
        fingerprint: str,
        shaping: Mapping[str, Any] | None = None,
        seed: int = 0,
        processes: Processes | None = None,
    ) -> None:
        self.config = config
        self.step = 0
        self.seconds = 0.0
        self.loss = float("nan")  # mean since the event before
        self.processes = processes or Processes(config.device, shard=config.shard)
        self.device = self.processes.device
        if self.processes.shards:
            require_shardable(players)
        if config.gradient_checkpointing:
            checkpoint_gradients(player.within or player.modules for player in players)
        if config.compiler:
            compile_layers((player.within or player.modules for player in players), config.compiler)
        self._log = log
        self._facts: dict[str, Any] = {"fingerprint": fingerprint, "shaping": shaping}
        self._folder = folder
        self._seed = seed
        self._seats = [self._seat(player) for player in players]
        self._average = Average(self._seats[0].weights)
        self._saved_step = 0
        self._stop_asked = False

    @property
    def parameters(self) -> int:
        """The number of weights of the model, trained and frozen."""
        return sum(weight.numel() for weight in self._seats[0].player.modules.parameters())

    def run(self, hooks: Sequence[Hook] = ()) -> None:
        """Trains to the end. Raises Stopped after SIGTERM, with a checkpoint written."""
        self._resume()
        before = signal.signal(signal.SIGTERM, self._ask_to_stop)
        try:
            started = time.monotonic() - self.seconds
            while self._progress() < 1.0:
                self._one_step()
                self.seconds, asked = self.processes.agreed([time.monotonic() - started, float(self._stop_asked)])
                self._tell()
                if asked:
                    self._save()
                    raise Stopped
                if self.step % self.config.checkpoint_every == 0:
                    self._save()
                for hook in hooks:
                    if hook.every and self.step % hook.every == 0:
                        hook.act(self)
            if self.step > self._saved_step:
                self._save()
        finally:
            signal.signal(signal.SIGTERM, before)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it, the model holds the moving average of its weights, ready to generate.

        Every process must enter it; what is done within may be done by one.
        """
        modules = self._seats[0].player.modules
        with self._average.in_place(self._seats[0].joined):
            modules.eval()
            try:
                yield
            finally:
                modules.train()

    def _seat(self, player: Player) -> _Seat:
        modules = player.modules.train()
        if not self.processes.shards:  # else each part goes there as it is cut off
            modules.to(self.device)
        half = self.config.precision == "fp16"
        return _Seat(
            player=player,
            joined=self.processes.joined(_Whole(player, self._autocast)),
            weights=[weight for weight in modules.parameters() if weight.requires_grad],
            optimizers=build_optimizers(modules, self.config, rate=player.rate),
            scaler=torch.amp.GradScaler(self.device.type) if half else None,
        )

    def _autocast(self) -> torch.autocast:
        kind = torch.float16 if self.config.precision == "fp16" else torch.bfloat16
        return torch.autocast(self.device.type, kind, enabled=self.config.precision != "fp32")

    def _one_step(self) -> None:
        for seat in self._seats:
            if self.step >= seat.player.starts:
                self._turn(seat)
        self.step += 1
        self._average.follow(step=self.step, keep=self.config.ema)

    def _turn(self, seat: _Seat) -> None:
        """One player's step, while the others' weights rest."""
        config = self.config
        seat.optimizers.set_rate(self._rate_factor())
        self._let_only(seat)
        totals: dict[str, Tensor] = {}
        for part in range(config.accumulate):
            terms = self._part(seat, part)
            for name, value in terms.items():
                totals[name] = totals.get(name, 0.0) + value.detach() / config.accumulate
        if seat.scaler:
            seat.optimizers.unscale(seat.scaler)
        clip_gradients(seat.weights, config.clip)
        seat.optimizers.step(seat.scaler)
        if seat.scaler:
            seat.scaler.update()
        for name, value in totals.items():
            seat.sums.setdefault(name, []).append(value)

    def _part(self, seat: _Seat, part: int) -> Terms:
        config, processes = self.config, self.processes
        batch = (self.step * config.accumulate + part) * processes.count + processes.index
        # Whatever a network draws (dropout, latents) is drawn anew here, the same after a resume.
        reseed(mixed_seed(self._seed, NETWORKS, batch))
        last = part == config.accumulate - 1
        with nullcontext() if last else processes.apart(seat.joined):
            terms: Terms = seat.joined(self.step, batch)
            loss = terms["loss"] / config.accumulate
            (seat.scaler.scale(loss) if seat.scaler else loss).backward()
        return terms

    def _let_only(self, playing: _Seat) -> None:
        if len(self._seats) > 1:
            for seat in self._seats:
                for weight in seat.weights:
                    weight.requires_grad_(seat is playing)

    def _progress(self) -> float:
        return progress_of(self.step, self.config.steps, self.seconds, self.config.max_seconds)

    def _rate_factor(self) -> float:
        config = self.config
        # Half a step on, so that neither the first nor the last step has a rate of zero.
        progress = min(1.0, self._progress() + 0.5 / config.steps)
        return rate_factor(progress, warmup=config.warmup, decay=config.decay)

    def _tell(self) -> None:
        if self.step % self.config.log_every and self._progress() < 1.0:
            return
        means = self._means()
        self.loss = means.pop("loss")
        if not math.isfinite(self.loss):
            self._require_numbers()
        self._log.emit(
            "step",
            step=self.step,
            of=self.config.steps,
            loss=self.loss,
            lr=self._rate_factor() * self.config.learning_rate,
            seconds=self.seconds,
            **means,
        )

    def _means(self) -> dict[str, float]:
        """What was logged since the event before; the model's loss first."""
        means: dict[str, float] = {}
        for place, seat in enumerate(self._seats):
            for name, values in seat.sums.items():
                shown = name if place == 0 or name != "loss" else f"loss_{place + 1}"
                means[shown] = float(self.processes.mean(torch.stack(values).mean()))
            seat.sums.clear()
        return means

    def _require_numbers(self) -> None:
        """Weights that are none become no checkpoint and no model. Every process must ask."""
        weights = [shards.own(weight) for seat in self._seats for weight in seat.weights]
        lost = any(not bool(torch.isfinite(weight).all()) for weight in weights)
        if self.processes.agreed([float(lost)])[0]:
            raise Refused(
                f"At step {self.step} the weights are no numbers any more. Start again in another 'output' folder "
                "with a lower 'training.learning_rate' or a longer 'training.warmup'."
            )

    def _save(self) -> None:
        self._require_numbers()
        self._saved_step = self.step
        if not self.processes.is_first and not self.processes.shards:
            return
        state = {
            "players": [
                {
                    "weights": shards.whole_state(seat.player.modules),
                    "optimizers": seat.optimizers.state_dict(),
                    "scaler": seat.scaler.state_dict() if seat.scaler else {},
                }
                for seat in self._seats
            ],
            "average": self._average.whole(),
            "loss": self.loss,
        }
        if not self.processes.is_first:
            return
        path = save_checkpoint(self._folder, Checkpoint(self.step, self.seconds, state), **self._facts)
        self._log.emit("checkpoint", step=self.step, seconds=self.seconds, path=str(path))

    def _resume(self) -> None:
        checkpoint = load_newest(self._folder, **self._facts)
        if checkpoint is None:
            return
        self.step, self.seconds = checkpoint.step, checkpoint.seconds
        self._saved_step = self.step
        self.loss = checkpoint.state["loss"]
        for seat, state in zip(self._seats, checkpoint.state["players"], strict=True):
            shards.load_whole_state(seat.player.modules, state["weights"])
            seat.optimizers.load_state_dict(state["optimizers"])
            if seat.scaler:
                seat.scaler.load_state_dict(state["scaler"])
        self._average.load(checkpoint.state["average"])
        self._log.emit("resume", step=self.step, seconds=self.seconds)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True
