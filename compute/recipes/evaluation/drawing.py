"""Any stock text-to-image pipeline draws what it is asked, and is timed."""

from __future__ import annotations

import inspect
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from PIL import Image

from compute.recipes.diffusion.drawing import asked_side
from compute.recipes.evaluation.config import DrawingConfig
from compute.recipes.refusal import Refused

MEASURED_CALLS = 2


class Drawer:
    """A pipeline in `folder` that draws squares of `side` pixels. Raises Refused when it takes no texts."""

    def __init__(self, folder: Path, config: DrawingConfig, *, side: int, device: torch.device) -> None:
        self._config = config
        self._device = device
        try:
            pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
            self._pipeline: Any = pipeline.to(device)
        except (OSError, ValueError) as error:
            raise Refused(f"No pipeline was found in {folder.name}: {error} Check 'model.id'.") from error
        self._pipeline.set_progress_bar_config(disable=True)
        known = inspect.signature(self._pipeline.__call__).parameters
        if "prompt" not in known:
            raise Refused(f"{type(self._pipeline).__name__} takes no prompts; this recipe judges text to image.")
        scheduler = getattr(getattr(self._pipeline, "scheduler", None), "config", {})
        if config.steps < 2 and scheduler.get("shift_terminal"):
            raise Refused(
                f"The scheduler of {folder.name} moves the last of several noise levels (shift_terminal) and cannot "
                "draw in one step. Set 'drawing.steps' to at least 2."
            )
        told = asked_side(self._pipeline, side)
        self._sides = {name: told for name in ("height", "width") if name in known}

    @property
    def kind(self) -> str:
        return type(self._pipeline).__name__

    def draw(self, prompts: Sequence[str], *, seed: int) -> list[Image.Image]:
        """One picture for each prompt, number i from noise of seed + i."""
        together = self._config.together
        pictures: list[Image.Image] = []
        for start in range(0, len(prompts), together):
            some = list(prompts[start : start + together])
            pictures += self._pipeline(
                prompt=some,
                num_inference_steps=self._config.steps,
                guidance_scale=self._config.guidance,
                generator=[torch.Generator().manual_seed(seed + start + i) for i in range(len(some))],
                **self._sides,
            ).images
        return pictures

    def speed(self, prompts: Sequence[str], *, seed: int) -> dict[str, float]:
        """Pictures and steps a second in calls of `together`, one picture alone, and the most memory, MiB.

        The pipeline is loaded already; the first picture is the first that it draws.
        """
        first = self._seconds(prompts[:1], seed)
        some = [prompts[i % len(prompts)] for i in range(self._config.together)]
        self._seconds(some, seed)
        taken = min(self._seconds(some, seed) for _ in range(MEASURED_CALLS))
        rate = len(some) / taken
        return {
            "pictures_per_second": rate,
            "steps_per_second": rate * self._config.steps,
            "seconds_to_first_picture": first,
            "memory_mib": self._memory(),
        }

    def _seconds(self, prompts: Sequence[str], seed: int) -> float:
        started = time.perf_counter()
        self.draw(prompts, seed=seed)  # ends with pictures in the processor's memory, so nothing is under way
        return time.perf_counter() - started

    def _memory(self) -> float:
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated() / 2**20
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
