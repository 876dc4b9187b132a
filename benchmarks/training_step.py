"""A step of the loop that all recipes share, against a bare loop of the same model, in the same run.

    python -m benchmarks.training_step [--chunks 7] [--steps 6] [--threads 1]

The bare loops know the loss, the gradient, its clipping and the optimizer, and nothing of logs, seeds, processes
or stopping. One also keeps the average of the weights, as torch itself does it: the same mathematics as ours. The
other does without. All take turns in chunks of steps on models of one configuration and on the same batches;
figures are medians over chunks, of processor time, for it counts nothing of what others do meanwhile.
`benchmarks.training_gpu` has the step on a GPU.
"""

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks.measuring import HEAD, Measure
from compute.recipes.autoencoder.config import ModelConfig as AutoencoderConfig
from compute.recipes.autoencoder.networks import build_autoencoder
from compute.recipes.configuration import build
from compute.recipes.data.facts import look_up
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.events import EventLog
from compute.recipes.language_model.config import Config as LanguageConfig
from compute.recipes.language_model.program import LanguageModel
from compute.recipes.language_model.texts import write_parquet as write_texts
from compute.recipes.latent_diffusion.config import Config as LatentConfig
from compute.recipes.latent_diffusion.program import ByClass
from compute.recipes.shapes.parquet import write_parquet
from compute.recipes.stable_diffusion.config import Config as StableConfig
from compute.recipes.stable_diffusion.program import StableDiffusion
from compute.recipes.text_to_image.config import Config as FlowConfig
from compute.recipes.text_to_image.program import TextToImage
from compute.recipes.training.config import LoopConfig
from compute.recipes.training.loop import Hook, Loop, Player
from compute.recipes.training.program import Recipe
from compute.recipes.training.quiet import quiet_libraries

clock = time.process_time
LEAST = 0.95


@dataclass(frozen=True)
class Case:
    """`player` makes the model anew each time, the same each time."""

    name: str
    training: LoopConfig
    player: Callable[[], Player]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=7)
    parser.add_argument("--steps", type=int, default=6, help="in a chunk")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="the recipe of this name alone")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    quiet_libraries()
    torch.set_num_threads(options.threads)
    print(
        f"{os.cpu_count()} processors, {options.threads} threads, load {os.getloadavg()[0]:.1f} at the start,", end=" "
    )
    print(f"{options.chunks} chunks of {options.steps} steps\n\n{HEAD}")
    with tempfile.TemporaryDirectory() as name:
        for case in cases(Path(name)):
            if options.only not in {"", case.name}:
                continue
            loop, *bare = step_seconds(case, Path(name) / case.name, chunks=options.chunks, steps=options.steps)
            for floor, floor_name in zip(bare, ("bare loop with average", "bare loop without"), strict=True):
                measure = Measure(case.name, 1 / loop, "steps/s", LEAST, 1 / floor, floor_name, at_least=True)
                print(measure.row(), flush=True)
    return 0


def cases(folder: Path) -> list[Case]:
    """Small models, each with the sizes of its shipped configuration for a processor."""
    write_parquet(folder / "shapes", train=400, test=24)
    write_texts(folder / "texts", train=400, test=20)
    torch.manual_seed(0)
    build_autoencoder(AutoencoderConfig(), size=32).save_pretrained(folder / "autoencoder")
    shapes, texts = {"path": str(folder / "shapes")}, {"path": str(folder / "texts")}
    latent = {"autoencoder": {"id": str(folder / "autoencoder")}, "output": str(folder / "latent")}
    captions, classes = {"caption_column": "caption"}, {"class_columns": ["colour", "shape"]}
    training = {"batch": 16, "device": "cpu"}
    flow = build(
        FlowConfig,
        {"dataset": shapes, "training": training | {"optimizer": "adamw"}, "output": str(folder / "flow")},
    )
    stable = build(StableConfig, {"dataset": shapes | captions, "training": training, **latent})
    by_class = build(LatentConfig, {"dataset": shapes | classes, "training": training, **latent})
    language = build(LanguageConfig, {"dataset": texts, "training": training})
    return [
        Case("text_to_image", flow.training, lambda: _player(TextToImage(flow))),
        Case("stable_diffusion", stable.training, lambda: _player(StableDiffusion(stable))),
        Case("latent_diffusion", by_class.training, lambda: _player(ByClass(by_class))),
        Case("language_model", language.training, lambda: _player(LanguageModel(language))),
    ]


def step_seconds(case: Case, folder: Path, *, chunks: int, steps: int) -> list[float]:
    """Medians of a step in the loop, in the bare one with an average, in that without. First chunks warm up."""
    training = build(LoopConfig, _plain(case.training) | {"steps": (chunks + 1) * steps, "checkpoint_every": 10**9})
    bare = [Bare(case.player(), training, average=average) for average in (True, False)]
    seen: list[list[float]] = []
    started = 0.0

    def other_turn(loop: Loop) -> None:
        nonlocal started
        own = clock() - started
        seen.append([own / steps, *(each.seconds(steps) / steps for each in bare)])
        started = clock()

    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), EventLog(folder / "log.jsonl") as log:
        loop = Loop(training, [case.player()], log, folder=folder / "checkpoints", fingerprint="benchmark")
        started = clock()
        loop.run([Hook(steps, other_turn)])
    return [median(column) for column in zip(*seen[1:], strict=True)]


class Bare:
    """What anybody would write."""

    def __init__(self, player: Player, training: LoopConfig, *, average: bool) -> None:
        self._player = player
        self._training = training
        self._weights = [weight for weight in player.modules.parameters() if weight.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._weights, lr=training.learning_rate, weight_decay=training.weight_decay, fused=True
        )
        keep = get_ema_multi_avg_fn(training.ema)
        self._average = AveragedModel(player.modules, multi_avg_fn=keep) if average else None
        self._step = 0
        player.modules.train()

    def seconds(self, steps: int) -> float:
        start = clock()
        for _ in range(steps):
            self._player.loss(self._step, self._step)["loss"].backward()
            nn.utils.clip_grad_norm_(self._weights, self._training.clip)
            self._optimizer.step()
            self._optimizer.zero_grad(set_to_none=True)
            if self._average:
                self._average.update_parameters(self._player.modules)
            self._step += 1
        return clock() - start


def _player(recipe: Recipe) -> Player:
    recipe.facts, recipe.left_out, recipe.device = look_up(recipe.dataset), LeftOut(), torch.device("cpu")
    recipe.bases()
    torch.manual_seed(0)
    recipe.build()
    return recipe.players()[0]


def _plain(training: LoopConfig) -> dict[str, object]:
    return {name: getattr(training, name) for name in LoopConfig.__dataclass_fields__}


if __name__ == "__main__":
    raise SystemExit(main())
