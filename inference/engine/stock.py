"""Every other family runs through its stock pipeline, one request after the other."""

from __future__ import annotations

import inspect
from collections.abc import Hashable
from typing import Any

import torch

from inference.engine.requests import BadRequest, Handle, Progress
from inference.engine.rows import Row


class StockModel:
    """Any known text-to-image pipeline. `advance` runs all steps of its one row."""

    def __init__(self, pipeline: Any, nbytes: int) -> None:
        self.pipeline = pipeline
        self.nbytes = nbytes
        self.name = type(pipeline).__name__
        self._accepts = set(inspect.signature(pipeline.__call__).parameters)

    def begin(self, handle: Handle) -> Row:
        request = handle.request
        own = self._own_size()
        width, height = request.width or own, request.height or own
        unit = 8
        if width % unit or height % unit:
            raise BadRequest(f"width and height must be multiples of {unit}")
        return Row(handle, request.steps, width, height)

    def bucket(self, row: Row) -> Hashable:
        return id(row)

    @torch.no_grad()
    def advance(self, rows: list[Row]) -> None:
        (row,) = rows
        request = row.request
        arguments: dict[str, Any] = {
            "prompt": request.prompt,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance,
            "width": row.width,
            "height": row.height,
            "generator": torch.Generator("cpu").manual_seed(request.seed),
        }
        if request.negative_prompt:
            if "negative_prompt" not in self._accepts:
                raise BadRequest(f"{self.name} takes no negative prompt")
            arguments["negative_prompt"] = request.negative_prompt
        if "callback_on_step_end" in self._accepts:
            arguments["callback_on_step_end"] = self._after_step(row)
        row.state = self.pipeline(**arguments).images[0]
        row.step = row.steps

    def finish(self, row: Row) -> Any:
        return row.state

    def _after_step(self, row: Row) -> Any:
        def after_step(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            row.step = min(step + 1, row.steps)
            row.handle.report(Progress(row.step, row.steps))
            row.latents = tensors.get("latents")
            row.handle.check()
            return {}

        return after_step

    def _own_size(self) -> int:
        pipeline = self.pipeline
        factor = int(getattr(pipeline, "vae_scale_factor", 8))
        denoiser = getattr(pipeline, "unet", None) or pipeline.transformer
        sample = getattr(pipeline, "default_sample_size", None) or denoiser.config.sample_size
        return int(sample) * factor
