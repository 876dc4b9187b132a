"""The engine on a GPU, on models of the shapes of SD 1.5, SDXL and SD3-medium with random weights in bf16.

    python -m benchmarks.engine_gpu [--only sd15] [--fills 3] [--profile] [--turns FILE] [--tiny]

*Stock* is the diffusers pipeline with its denoiser compiled, on a batch of as many requests as the engine takes.
*Floor* is the arithmetic of a picture at the rate that large matrix products reach on this device. *Static* is
the same mixed traffic as full batches of one number of steps each, known in advance, through the stock pipeline.
Without a GPU it prints "not run". With --tiny the same path runs on a processor with small models: its figures
mean nothing. With --profile the kernels that take longest in full calls of the engine are listed. With
--turns several runs at once compile beside each other, and measure one after the other.
"""

import argparse
import fcntl
import gc
import json
import os
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline

from benchmarks.flops import flops_of, matrix_rate, wait
from benchmarks.measuring import HEAD, Measure, seconds
from benchmarks.shapes_of_models import save_sd3_medium, save_sd15, save_sdxl
from inference.engine.engine import Engine
from inference.engine.families import Limits
from inference.engine.requests import ModelKey, Request

GUIDANCE = 5.0
OVER_STOCK, OF_FLOOR, OF_STATIC = 1.25, 0.6, 0.9
PROMPT = "a red circle"
STARTED = time.perf_counter()


@dataclass(frozen=True)
class Shape:
    """`rows` requests share a call; `mixed` are the numbers of steps of mixed traffic."""

    name: str
    save: Callable[..., None]
    side: int  # pixels
    steps: int
    rows: int
    mixed: tuple[int, ...]

    def tiny(self) -> "Shape":
        return Shape(self.name, self.save, 16, 3, 2, (2, 3))


SHAPES = [
    Shape("sd15", save_sd15, 512, 50, 8, (20, 30, 50)),
    Shape("sdxl", save_sdxl, 1024, 30, 4, (20, 30, 40)),
    Shape("sd3-medium", save_sd3_medium, 1024, 28, 4, (20, 28, 40)),
]


@dataclass(frozen=True)
class Place:
    """Where it runs, and with which of torch's compilers."""

    device: str
    compiler: str
    matrix_side: int


class Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def folder(self, key: ModelKey, token: str | None = None) -> Path:
        return self._folder


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", choices=["", *(shape.name for shape in SHAPES)])
    parser.add_argument("--fills", type=int, default=3, help="full calls of each number of steps in mixed traffic")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--turns", type=Path, help="a file: several of these at once measure one after the other")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    if not options.tiny and not torch.cuda.is_available():
        print("not run: there is no GPU.")
        return 0
    place = Place("cpu", "eager", 256) if options.tiny else Place("cuda", "inductor", 8192)
    name = "a processor, tiny models: no result" if options.tiny else torch.cuda.get_device_name()
    rate = matrix_rate(place.device, torch.bfloat16, side=place.matrix_side)
    print(f"{name}, {rate / 1e12:.3g} TFLOP/s in matrix products, bf16, torch {torch.__version__}\n\n{HEAD}")
    for shape in SHAPES:
        if options.only in {"", shape.name}:
            for measure in measured(shape.tiny() if options.tiny else shape, place, rate, options):
                print(measure.row(), flush=True)
    return 0


def measured(shape: Shape, place: Place, rate: float, options: argparse.Namespace) -> list[Measure]:
    with tempfile.TemporaryDirectory() as name:
        with torch.device(place.device):
            shape.save(Path(name), tiny=options.tiny)
        tell(shape, "made")
        alone, static, floor = through_stock(Path(name), shape, place, rate, options)
        clear(place)
        engine_rate, engine_mixed = through_engine(Path(name), shape, place, options)
        clear(place)
    return [
        Measure(shape.name, engine_rate, "pictures/s", OVER_STOCK, alone, "stock, compiled", at_least=True),
        Measure(shape.name, engine_rate, "pictures/s", OF_FLOOR, floor, "floor", at_least=True),
        Measure(f"{shape.name}, mixed", engine_mixed, "pictures/s", OF_STATIC, static, "static", at_least=True),
    ]


@contextmanager
def turn(options: argparse.Namespace) -> Iterator[None]:
    """Within it nobody else measures."""
    with (options.turns or Path(os.devnull)).open("w") as file:
        if options.turns:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def tell(shape: Shape, what: str) -> None:
    """How far it is, for whoever waits."""
    print(f"{time.perf_counter() - STARTED:6.0f} s, {shape.name}: {what}", file=sys.stderr, flush=True)


def clear(place: Place) -> None:
    gc.collect()
    if place.device == "cuda":
        torch.cuda.empty_cache()


def mixed_traffic(shape: Shape, fills: int) -> list[int]:
    """Steps of each request, in random order; of each number as many as fill so many calls."""
    steps = [number for number in shape.mixed for _ in range(fills * shape.rows)]
    random.Random(1).shuffle(steps)
    return steps


def through_stock(
    folder: Path, shape: Shape, place: Place, rate: float, options: argparse.Namespace
) -> tuple[float, float, float]:
    """Pictures a second: of full batches of one number of steps, of the mixed traffic sorted into such, of the
    arithmetic alone."""
    stock = Stock(folder, shape, place)
    stock.draw(2)
    tell(shape, "stock: compiled")
    with turn(options):
        alone = shape.rows / min(seconds(lambda: stock.draw(shape.steps)) for _turn in range(2))
        static = len(shape.mixed) * shape.rows / sum(seconds(partial(stock.draw, steps)) for steps in shape.mixed)
        if options.profile:
            print(kernels(partial(stock.draw, 6)), file=sys.stderr, flush=True)
    tell(shape, f"stock: {alone:.4g} pictures/s, static: {static:.4g} pictures/s")
    return alone, static, rate / stock.flops()


def blocks_of(denoiser: Any) -> list[Any]:
    """A transformer is compiled block by block, which torch does in a sixth of the time; others as a whole."""
    return list(getattr(denoiser, "transformer_blocks", [denoiser]))


class Stock:
    """The stock pipeline with its denoiser compiled."""

    def __init__(self, folder: Path, shape: Shape, place: Place) -> None:
        self._shape = shape
        self._device = place.device
        index = json.loads((folder / "model_index.json").read_text())
        absent = {name: None for name, value in index.items() if value == [None, None]}
        self._pipeline: Any = DiffusionPipeline.from_pretrained(folder, dtype=torch.bfloat16, **absent)
        self._pipeline.to(place.device)
        self._pipeline.set_progress_bar_config(disable=True)
        self._compiled = blocks_of(getattr(self._pipeline, "unet", None) or self._pipeline.transformer)
        for block in self._compiled:
            block.forward = torch.compile(block.forward, backend=place.compiler, dynamic=False)

    def flops(self) -> float:
        """Of one picture, everything counted: texts, every step with guidance, decoding."""
        for block in self._compiled:
            del block.forward
        few = flops_of(lambda: self.draw(2))
        of_a_step = flops_of(lambda: self.draw(3)) - few
        return (few + (self._shape.steps - 2) * of_a_step) / self._shape.rows

    def draw(self, steps: int) -> None:
        shape = self._shape
        self._pipeline(
            [PROMPT] * shape.rows,
            height=shape.side,
            width=shape.side,
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            generator=[torch.Generator().manual_seed(seed) for seed in range(shape.rows)],
        )
        wait(self._device)


def through_engine(folder: Path, shape: Shape, place: Place, options: argparse.Namespace) -> tuple[float, float]:
    """Pictures a second: of full calls of one number of steps, and of mixed traffic."""
    limits = Limits(compiler=place.compiler)
    settings: dict[str, Any] = {"device": place.device, "dtype": torch.bfloat16, "max_rows": shape.rows}
    traffic = mixed_traffic(shape, options.fills)
    with Engine(Folder(folder), max_bytes=64 * 2**30, limits=limits, **settings) as engine:
        _seconds(engine, shape, list(range(2, 2 + shape.rows)))  # each number of rows is seen once
        tell(shape, "engine: compiled")
        with turn(options):
            same = shape.rows / min(_seconds(engine, shape, [shape.steps] * shape.rows) for _turn in range(2))
            tell(shape, f"engine: {same:.4g} pictures/s")
            mixed = len(traffic) / _seconds(engine, shape, traffic)
            tell(shape, f"engine, mixed: {mixed:.4g} pictures/s")
            if options.profile:
                print(kernels(lambda: _seconds(engine, shape, [6] * shape.rows)), file=sys.stderr, flush=True)
        return same, mixed


def kernels(work: Callable[[], object]) -> str:
    """The kernels that take longest."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
        work()
    table: str = seen.key_averages().table(sort_by="self_cuda_time_total", row_limit=40, max_name_column_width=90)
    return table


def _seconds(engine: Engine, shape: Shape, traffic: list[int]) -> float:
    start = time.perf_counter()
    handles = [
        engine.submit(
            Request(
                ModelKey("model", "1"),
                PROMPT,
                seed=seed,
                steps=steps,
                guidance=GUIDANCE,
                width=shape.side,
                height=shape.side,
            )
        )
        for seed, steps in enumerate(traffic)
    ]
    for handle in handles:
        handle.result()
    return time.perf_counter() - start


if __name__ == "__main__":
    raise SystemExit(main())
