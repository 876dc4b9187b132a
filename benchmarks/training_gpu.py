"""A training step of a transformer of SD3-medium's shape (2.0 billion weights) on a GPU, 512 pixels, bf16.

    python -m benchmarks.training_gpu [--batch 16] [--steps 6] [--tiny]

*Loop* is the loop that all recipes share, with layers compiled and an average of the weights; *bare loop* is the
same mathematics as anybody would write it, with the same layers compiled. *Floor* is the arithmetic of forward and
backward at the rate that large matrix products reach on this device: the ratio is the model-FLOP utilisation.
Without a GPU it prints "not run". With --tiny the same path runs on a processor: its figures mean nothing.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks.flops import flops_of, matrix_rate, wait
from benchmarks.measuring import HEAD, Measure
from benchmarks.shapes_of_models import sd3_medium_transformer
from compute.recipes.events import EventLog
from compute.recipes.training.compiling import compile_layers
from compute.recipes.training.config import LoopConfig
from compute.recipes.training.loop import Hook, Loop, Player

OF_BARE, OF_FLOOR = 0.95, 0.45
TEXTS, WARM = 333, 3


class Measured(Exception):
    """Enough was seen; what was trained is worth no checkpoint."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    if not options.tiny and not torch.cuda.is_available():
        print("not run: there is no GPU.")
        return 0
    device, compiler, side = ("cpu", "eager", 256) if options.tiny else ("cuda", "inductor", 8192)
    name = "a processor, tiny: no result" if options.tiny else torch.cuda.get_device_name()
    rate = matrix_rate(device, torch.bfloat16, side=side)
    print(f"{name}, {rate / 1e12:.3g} TFLOP/s in matrix products, bf16, torch {torch.__version__},", end=" ")
    print(f"batch {options.batch}\n\n{HEAD}")
    training = LoopConfig(
        steps=10**6,
        batch=options.batch,
        learning_rate=1e-4,
        ema=0.9999,
        precision="bf16",
        device=device,
        compiler=compiler,
        checkpoint_every=10**9,
    )
    make = partial(player, device, options.batch, tiny=options.tiny)
    floor = rate / flops_of_a_step(make())
    for turn in (in_the_loop, bare):
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        seconds = turn(make(), training, options.steps)
        memory = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else 0
        print(f"{turn.__name__}: {seconds:.4g} s, {memory:.0f} GiB at most", file=sys.stderr, flush=True)
        if turn is in_the_loop:
            own = 1 / seconds
    print(Measure("a step", own, "steps/s", OF_BARE, 1 / seconds, "bare loop", at_least=True).row())
    print(Measure("a step", own, "steps/s", OF_FLOOR, floor, "floor", at_least=True).row())
    return 0


def player(device: str, batch: int, *, tiny: bool) -> Player:
    """Learns the direction from pictures to noise, of one batch of random numbers."""
    with torch.device(device):
        transformer = sd3_medium_transformer(tiny=tiny)
        width, sizes = (8 if tiny else 64), transformer.config
        pictures, noise = torch.randn(2, batch, sizes.in_channels, width, width)
        texts = torch.randn(batch, TEXTS, sizes.joint_attention_dim)
        pooled = torch.randn(batch, sizes.pooled_projection_dim)
        times = torch.rand(batch)
    share = times.view(-1, 1, 1, 1)

    def loss(step: int, index: int) -> dict[str, Tensor]:
        mixed = (1 - share) * pictures + share * noise
        seen = transformer(mixed, texts, pooled, times * 1000, return_dict=False)[0]
        return {"loss": (seen.float() - (noise - pictures)).square().mean()}

    return Player(transformer, loss)


def flops_of_a_step(player: Player) -> float:
    """Of forward and backward; the gradient takes twice the forward."""
    device = next(player.modules.parameters()).device.type
    with torch.no_grad(), torch.autocast(device, torch.bfloat16):
        return 3.0 * flops_of(lambda: player.loss(0, 0))


def in_the_loop(player: Player, training: LoopConfig, steps: int) -> float:
    """Seconds of a step."""
    turns: list[float] = []

    def look(_loop: Loop) -> None:
        wait(training.device)
        turns.append(time.perf_counter())
        if len(turns) == WARM + steps:
            raise Measured

    with (
        tempfile.TemporaryDirectory() as name,
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        EventLog(Path(name) / "log.jsonl") as log,
    ):
        loop = Loop(training, [player], log, folder=Path(name) / "checkpoints", fingerprint="benchmark")
        try:
            loop.run([Hook(1, look)])
        except Measured:
            return (turns[-1] - turns[WARM - 1]) / steps
    raise AssertionError


def bare(player: Player, training: LoopConfig, steps: int) -> float:
    """Seconds of a step."""
    compile_layers([player.modules], training.compiler)
    weights = list(player.modules.parameters())
    optimizer = torch.optim.AdamW(weights, lr=training.learning_rate, weight_decay=training.weight_decay, fused=True)
    average = AveragedModel(player.modules, multi_avg_fn=get_ema_multi_avg_fn(training.ema))

    def step() -> None:
        with torch.autocast(training.device, torch.bfloat16):
            loss = player.loss(0, 0)["loss"]
        loss.backward()
        nn.utils.clip_grad_norm_(weights, training.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update_parameters(player.modules)

    return mean_seconds(step, training.device, steps)


def mean_seconds(work: Callable[[], None], device: str, times: int) -> float:
    for _ in range(WARM):
        work()
    wait(device)
    start = time.perf_counter()
    for _ in range(times):
        work()
        wait(device)
    return (time.perf_counter() - start) / times


if __name__ == "__main__":
    raise SystemExit(main())
