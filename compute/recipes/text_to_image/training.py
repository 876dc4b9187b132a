"""The training loop: it resumes where it was, and ends by steps or by the clock."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from torch import Tensor, nn

from compute.recipes.checkpoints import Checkpoint, load_newest, save_checkpoint
from compute.recipes.events import EventLog
from compute.recipes.text_to_image.batches import BatchSource
from compute.recipes.text_to_image.config import Config
from compute.recipes.text_to_image.flow import flow_loss
from compute.recipes.text_to_image.model import CountedAttention, Network
from compute.recipes.text_to_image.optimizers import build_optimizers, progress_of, rate_factor

TRUST_AFTER = 10  # the moving average follows closely at first, over about so many steps


class Stopped(Exception):
    """The program was asked to end (SIGTERM); a checkpoint has been written."""


class Trainer:
    """Holds everything that changes during training, and nothing else."""

    def __init__(
        self, config: Config, network: Network, batches: BatchSource, log: EventLog, *, fingerprint: str
    ) -> None:
        self.config = config
        self.network = network
        self.step = 0
        self.seconds = 0.0
        self.loss = float("nan")  # mean since the event before
        self._batches = batches
        self._log = log
        self._fingerprint = fingerprint
        self._folder = config.folder / "checkpoints"
        self.device = torch.device(config.training.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._modules = network.modules.to(self.device)
        self._modules.train()
        network.transformer.set_attn_processor(CountedAttention(config.training.padding))
        if config.model.gradient_checkpointing:
            network.transformer.enable_gradient_checkpointing()
        self._weights = list(self._modules.parameters())
        self._average = [weight.detach().clone() for weight in self._weights]
        self._optimizers = build_optimizers(self._modules, config.training)
        self._losses: list[Tensor] = []
        self._saved_step = 0
        self._stop_asked = False

    def run(self, sample: Callable[[Trainer], None]) -> None:
        """Trains to the end; `sample` is called every `sampling.every` steps.

        Raises Stopped after SIGTERM, with a checkpoint written.
        """
        self._resume()
        config = self.config.training
        before = signal.signal(signal.SIGTERM, self._ask_to_stop)
        try:
            started = time.monotonic() - self.seconds
            while self._progress() < 1.0:
                self._losses.append(self._one_step())
                self.seconds = time.monotonic() - started
                self._tell()
                if self._stop_asked:
                    self._save()
                    raise Stopped
                if self.step % config.checkpoint_every == 0:
                    self._save()
                if self.config.sampling.every and self.step % self.config.sampling.every == 0:
                    sample(self)
            if self.step > self._saved_step:
                self._save()
        finally:
            signal.signal(signal.SIGTERM, before)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it, the network holds the moving average of its weights, ready to generate."""
        kept = [weight.detach().clone() for weight in self._weights]
        _copy_into(self._weights, self._average)
        self._modules.eval()
        try:
            yield
        finally:
            _copy_into(self._weights, kept)
            self._modules.train()

    def _one_step(self) -> Tensor:
        config = self.config.training
        self._optimizers.set_rate(self._rate_factor())
        total = torch.zeros((), device=self.device)
        for part in range(config.accumulate):
            batch = self._batches.batch(self.step, part)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
                loss = flow_loss(
                    self.network,
                    batch.pictures.to(self.device),
                    batch.tokens.to(self.device),
                    batch.noise.to(self.device),
                    batch.times.to(self.device),
                )
            (loss / config.accumulate).backward()
            total += loss.detach() / config.accumulate
        nn.utils.clip_grad_norm_(self._weights, config.clip)
        self._optimizers.step()
        self.step += 1
        self._follow()
        return total

    def _follow(self) -> None:
        """Moves the average of the weights one step on."""
        keep = min(self.config.training.ema, self.step / (TRUST_AFTER + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self._average, self._weights, 1.0 - keep)

    def _progress(self) -> float:
        config = self.config.training
        return progress_of(self.step, config.steps, self.seconds, config.max_seconds)

    def _rate_factor(self) -> float:
        config = self.config.training
        # Half a step on, so that neither the first nor the last step has a rate of zero.
        progress = min(1.0, self._progress() + 0.5 / config.steps)
        return rate_factor(progress, warmup=config.warmup, decay=config.decay)

    def _tell(self) -> None:
        if self.step % self.config.training.log_every and self._progress() < 1.0:
            return
        self.loss = float(torch.stack(self._losses).mean())
        self._losses.clear()
        self._log.emit(
            "step",
            step=self.step,
            of=self.config.training.steps,
            loss=self.loss,
            lr=self._rate_factor() * self.config.training.learning_rate,
            seconds=self.seconds,
        )

    def _save(self) -> None:
        state = {
            "weights": self._modules.state_dict(),
            "average": self._average,
            "optimizers": self._optimizers.state_dict(),
            "random": torch.get_rng_state(),
            "loss": self.loss,
        }
        checkpoint = Checkpoint(self.step, self.seconds, state)
        path = save_checkpoint(self._folder, checkpoint, fingerprint=self._fingerprint)
        self._saved_step = self.step
        self._log.emit("checkpoint", step=self.step, seconds=self.seconds, path=str(path))

    def _resume(self) -> None:
        checkpoint = load_newest(self._folder, fingerprint=self._fingerprint)
        if checkpoint is None:
            return
        self.step, self.seconds = checkpoint.step, checkpoint.seconds
        self._saved_step = self.step
        self.loss = checkpoint.state["loss"]
        self._modules.load_state_dict(checkpoint.state["weights"])
        _copy_into(self._average, checkpoint.state["average"])
        self._optimizers.load_state_dict(checkpoint.state["optimizers"])
        torch.set_rng_state(checkpoint.state["random"])
        self._log.emit("resume", step=self.step, seconds=self.seconds)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True


def _copy_into(targets: list[Tensor], values: list[Tensor]) -> None:
    with torch.no_grad():
        for target, value in zip(targets, values, strict=True):
            target.copy_(value)
