"""The engine on a GPU, on models of the shapes of SD 1.5, SDXL and SD3-medium with random weights in bf16.

    python -m benchmarks.engine_gpu [--only sd15] [--tiny]

*Stock* is the diffusers pipeline with its denoiser compiled, on a batch of as many requests as the engine takes.
*Floor* is the arithmetic of a picture at the rate that large matrix products reach on this device. *Static* is
the same mixed traffic as full batches of one number of steps each, known in advance, through the stock pipeline.
Without a GPU it prints "not run". With --tiny the same path runs on a processor with small models: its figures
mean nothing.
"""

import argparse
import json
import random
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline

from benchmarks.flops import flops_of, matrix_rate, wait
from benchmarks.measuring import HEAD, Measure
from benchmarks.shapes_of_models import save_sd3_medium, save_sd15, save_sdxl
from inference.engine.engine import Engine
from inference.engine.families import Limits
from inference.engine.requests import ModelKey, Request

GUIDANCE = 5.0
OVER_STOCK, OF_FLOOR, OF_STATIC = 1.25, 0.6, 0.9
PROMPT = "a red circle"


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
            for measure in measured(shape.tiny() if options.tiny else shape, place, rate, tiny=options.tiny):
                print(measure.row(), flush=True)
    return 0


def measured(shape: Shape, place: Place, rate: float, *, tiny: bool) -> list[Measure]:
    with tempfile.TemporaryDirectory() as name:
        shape.save(Path(name), tiny=tiny)
        stock = Stock(Path(name), shape, place)
        alone = stock.rate(shape.steps)
        floor = rate / stock.flops()
        traffic = mixed_traffic(shape)
        static = stock.static(traffic)
        del stock
        engine_rate, engine_mixed = through_engine(Path(name), shape, place, traffic)
    return [
        Measure(shape.name, engine_rate, "pictures/s", OVER_STOCK, alone, "stock, compiled", at_least=True),
        Measure(shape.name, engine_rate, "pictures/s", OF_FLOOR, floor, "floor", at_least=True),
        Measure(f"{shape.name}, mixed", engine_mixed, "pictures/s", OF_STATIC, static, "static", at_least=True),
    ]


def mixed_traffic(shape: Shape) -> list[int]:
    """Steps of each request, in random order; of each number as many as fill three calls."""
    steps = [number for number in shape.mixed for _ in range(3 * shape.rows)]
    random.Random(1).shuffle(steps)
    return steps


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
        self._denoiser = getattr(self._pipeline, "unet", None) or self._pipeline.transformer
        self._plain = self._denoiser.forward
        self._denoiser.forward = torch.compile(self._plain, backend=place.compiler)

    def rate(self, steps: int) -> float:
        """Pictures a second in full batches, once it is warm."""
        self._draw(steps)
        start = time.perf_counter()
        self._draw(steps)
        return self._shape.rows / (time.perf_counter() - start)

    def static(self, traffic: list[int]) -> float:
        """Pictures a second of the same requests, sorted into full batches."""
        start = time.perf_counter()
        for steps in sorted(traffic)[:: self._shape.rows]:
            self._draw(steps)
        return len(traffic) / (time.perf_counter() - start)

    def flops(self) -> float:
        """Of one picture, everything counted: texts, every step with guidance, decoding."""
        self._denoiser.forward = self._plain
        return flops_of(lambda: self._draw(self._shape.steps)) / self._shape.rows

    def _draw(self, steps: int) -> None:
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


def through_engine(folder: Path, shape: Shape, place: Place, traffic: list[int]) -> tuple[float, float]:
    """Pictures a second: of full calls of one number of steps, and of mixed traffic."""
    limits = Limits(compiler=place.compiler)
    settings: dict[str, Any] = {"device": place.device, "dtype": torch.bfloat16, "max_rows": shape.rows}
    with Engine(Folder(folder), max_bytes=64 * 2**30, limits=limits, **settings) as engine:
        for _warm in range(2):
            _seconds(engine, shape, traffic[: 2 * shape.rows])
        same = shape.rows / _seconds(engine, shape, [shape.steps] * shape.rows)
        return same, len(traffic) / _seconds(engine, shape, traffic)


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
