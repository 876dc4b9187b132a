"""`python -m benchmarks.step_reuse FOLDER`: what leaving out steps saves, and how far pictures move, for a pipeline.

The peers are the same request with as many fewer steps: whoever has less time can have that as well.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from compute.recipes.shapes.vocabulary import held_out_scenes
from inference.engine.engine import Engine
from inference.engine.requests import ModelKey, Request, Result

KEY = ModelKey("model", "0" * 40)
STEPS = 20


class Here:
    def __init__(self, folder: Path) -> None:
        self.path = folder

    def folder(self, key: ModelKey, token: str | None = None) -> Path:
        return self.path


def draw(engine: Engine, prompts: list[str], **facts: object) -> tuple[list[Result], float]:
    """One after the other: a shared call would hide what one request saves."""
    started = time.perf_counter()
    results = [
        engine.submit(Request(KEY, prompt, seed=seed, guidance=3.0, **facts)).result()  # type: ignore[arg-type]
        for seed, prompt in enumerate(prompts)
    ]
    return results, (time.perf_counter() - started) / len(prompts)


def psnr(one: list[Result], other: list[Result]) -> float:
    """Mean over pictures, in decibels."""
    pairs = [(np.asarray(a.picture, float), np.asarray(b.picture, float)) for a, b in zip(one, other, strict=True)]
    errors = [max(float(np.mean((a - b) ** 2)), 1e-3) for a, b in pairs]
    return float(np.mean([10 * np.log10(255**2 / error) for error in errors]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step_reuse", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=16)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    scenes = held_out_scenes()
    prompts = [scenes[number % len(scenes)].caption() for number in range(arguments.pictures)]
    with Engine(Here(arguments.folder)) as engine:
        draw(engine, prompts[:1], steps=2)
        full, seconds = draw(engine, prompts, steps=STEPS)
        print(f"| request | calls | s a picture | times faster | PSNR to {STEPS} steps, dB |\n|---|---|---|---|---|")
        print(f"| {STEPS} steps | {STEPS} | {seconds:.3f} | 1 | |")
        for method in ("light", "strong"):
            results, now = draw(engine, prompts, steps=STEPS, step_reuse=method)
            calls = STEPS - results[0].parameters["calls_saved"]
            print(
                f"| {STEPS} steps, {method} | {calls} | {now:.3f} | {seconds / now:.2f} | {psnr(full, results):.1f} |"
            )
            fewer, now = draw(engine, prompts, steps=calls)
            print(f"| {calls} steps | {calls} | {now:.3f} | {seconds / now:.2f} | {psnr(full, fewer):.1f} |")


if __name__ == "__main__":
    main()
