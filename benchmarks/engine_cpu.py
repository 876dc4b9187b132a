"""Mixed traffic through the engine on a processor, against the stock pipeline in the same run.

    python -m benchmarks.engine_cpu [--requests 32] [--rounds 3] [--threads 1]

The trained model of tests/fixtures draws shapes of 32x32 pixels. Requests with 4 to 30 steps arrive at
random, about eight times as fast as one by one could serve them. *One by one* is the stock pipeline in
order of arrival. *Static batches* is the stock pipeline on up to as many requests as the engine takes:
those that wait when it is free and have as many steps as the first of them, so that nobody's picture
changes. The three take turns; figures are medians over rounds.
"""

import argparse
import os
import random
import statistics
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline

from benchmarks.measuring import HEAD, Measure
from inference.engine.engine import Engine
from inference.engine.requests import ModelKey, Request

FIXTURE = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "shapes-tiny"
SHAPES = ModelKey("shapes", "1")
ROWS = 8
GUIDANCE = 2.0
STEPS = (4, 8, 12, 20, 30)
PROMPTS = ("a red circle", "a blue square", "a green triangle", "a yellow cross")


@dataclass(frozen=True)
class Arrival:
    """Seconds after the start, and what is asked then."""

    at: float
    prompt: str
    seed: int
    steps: int


@dataclass(frozen=True)
class Round:
    """Pictures a second from first arrival to last picture, and the latency that 95 of 100 stay below."""

    rate: float
    p95: float


class Fixture:
    def folder(self, key: ModelKey, token: str | None = None) -> Path:
        return FIXTURE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    load = os.getloadavg()[0]
    pipeline = DiffusionPipeline.from_pretrained(FIXTURE)
    pipeline.set_progress_bar_config(disable=True)
    with Engine(Fixture(), max_rows=ROWS) as engine:
        arrivals = planned(options.requests, pipeline, engine)
        seen = [
            (through_engine(engine, arrivals), one_by_one(pipeline, arrivals), in_batches(pipeline, arrivals))
            for _round in range(options.rounds)
        ]
        shared = engine.counts.row_steps / engine.counts.calls
    shared_round, alone, static = (middle([each[index] for each in seen]) for index in range(3))
    print(f"{os.cpu_count()} processors, {options.threads} threads, load {load:.1f} at the start,", end=" ")
    print(f"{options.requests} requests, {options.rounds} rounds, {shared:.1f} requests in a call\n\n{HEAD}")
    measures = [
        Measure("pictures", shared_round.rate, "1/s", 1.5, floor=alone.rate, floor_name="one by one", at_least=True),
        Measure("p95 latency", shared_round.p95, "s", 1.0, floor=static.p95, floor_name="static batches"),
    ]
    for measure in measures:
        print(measure.row())
    print(f"\nOne by one: p95 {alone.p95:.2f} s. Static batches: {static.rate:.2f} pictures/s.")
    return 0


def planned(count: int, pipeline: Any, engine: Engine) -> list[Arrival]:
    """The same arrivals for all; everybody is warm afterwards."""
    chance = random.Random(1)
    asked = [(PROMPTS[seed % len(PROMPTS)], seed, chance.choice(STEPS)) for seed in range(count)]
    engine.submit(Request(SHAPES, PROMPTS[0], seed=0, steps=4, guidance=GUIDANCE)).result()
    draw(pipeline, [Arrival(0, PROMPTS[0], 0, 4)])
    start = time.perf_counter()
    draw(pipeline, [Arrival(0, PROMPTS[0], 0, 12)])
    each = (time.perf_counter() - start) / 12 * statistics.mean(STEPS)
    at, arrivals = 0.0, []
    for prompt, seed, steps in asked:
        arrivals.append(Arrival(at, prompt, seed, steps))
        at += chance.expovariate(8 / each)
    return arrivals


def through_engine(engine: Engine, arrivals: list[Arrival]) -> Round:
    ends: dict[Arrival, float] = {}
    start, handles = time.perf_counter(), []
    for arrival in arrivals:
        time.sleep(max(0.0, start + arrival.at - time.perf_counter()))
        request = Request(SHAPES, arrival.prompt, seed=arrival.seed, steps=arrival.steps, guidance=GUIDANCE)
        handle = engine.submit(request)
        handle.when_ended(partial(note, ends, arrival, start))
        handles.append(handle)
    for handle in handles:
        handle.result()
    return summed(arrivals, ends)


def one_by_one(pipeline: Any, arrivals: list[Arrival]) -> Round:
    return in_batches(pipeline, arrivals, size=1)


def in_batches(pipeline: Any, arrivals: list[Arrival], size: int = ROWS) -> Round:
    ends: dict[Arrival, float] = {}
    start, left = time.perf_counter(), list(arrivals)
    while left:
        time.sleep(max(0.0, start + left[0].at - time.perf_counter()))
        waiting = [arrival for arrival in left if arrival.at <= now(start)] or left[:1]
        batch = [arrival for arrival in waiting if arrival.steps == left[0].steps][:size]
        draw(pipeline, batch)
        ends |= dict.fromkeys(batch, now(start))
        left = [arrival for arrival in left if arrival not in batch]
    return summed(arrivals, ends)


def draw(pipeline: Any, batch: list[Arrival]) -> None:
    pipeline(
        [arrival.prompt for arrival in batch],
        num_inference_steps=batch[0].steps,
        guidance_scale=GUIDANCE,
        generator=[torch.Generator().manual_seed(arrival.seed) for arrival in batch],
    )


def note(ends: dict[Arrival, float], arrival: Arrival, start: float) -> None:
    ends[arrival] = now(start)


def now(start: float) -> float:
    return time.perf_counter() - start


def summed(arrivals: list[Arrival], ends: dict[Arrival, float]) -> Round:
    waits = sorted(ends[arrival] - arrival.at for arrival in arrivals)
    return Round(len(arrivals) / max(ends.values()), waits[int(0.95 * (len(waits) - 1))])


def middle(rounds: list[Round]) -> Round:
    return Round(statistics.median(each.rate for each in rounds), statistics.median(each.p95 for each in rounds))


if __name__ == "__main__":
    raise SystemExit(main())
