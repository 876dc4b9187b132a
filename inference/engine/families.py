"""A loaded model: its stock pipelines share their networks, and each request runs a copy of one of them."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DiffusionPipeline, SD3Transformer2DModel
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from inference.engine.calls import answer
from inference.engine.compiling import as_written, compile_network
from inference.engine.decoding import decoded, pixels_of
from inference.engine.folders import check_folder
from inference.engine.lora import Use, adapted
from inference.engine.previews import Previews, previews_for
from inference.engine.repeats import once_for_repeats, once_for_silence
from inference.engine.requests import BadRequest, Handle, ModelRefused, Request
from inference.engine.reuse import EVERY
from inference.engine.rows import Row
from inference.engine.samplers import own_scheduler
from inference.engine.suspended import Suspended, shared
from inference.engine.tasks import asked_of, denoiser_of, pipeline_for, pipelines_for
from inference.engine.texts import Texts
from inference.engine.tuning import channels_last, gelu_in_the_product

# Bars are for terminals; the engine reports progress by its callbacks.
diffusers_logging.disable_progress_bar()
transformers_logging.disable_progress_bar()


@dataclass(frozen=True)
class Limits:
    """`text_bytes` of encoded texts are kept for each model; pictures of more pixels than `tile_above` are decoded
    in tiles."""

    text_bytes: int = 256 * 2**20
    tile_above: int = 2048 * 2048
    rows: int = 8  # requests in the largest call
    compiler: str = ""  # torch's backend for denoisers and decoders; empty: they run as they are written


class ServedModel:
    """`begin` makes a row that waits for its first call; `answers` computes the calls of several rows at once."""

    def __init__(self, loaded: Any, limits: Limits) -> None:
        self.limits = limits
        self.texts = Texts(limits.text_bytes)
        self.nbytes = measured_bytes(loaded)
        self.name = type(loaded).__name__
        self.vae = getattr(loaded, "vae", None)
        self.networks = {name: part for name, part in loaded.components.items() if isinstance(part, torch.nn.Module)}
        self.pipelines = pipelines_for(loaded)
        for pipeline in self.pipelines.values():
            for part, value in pipeline.components.items():
                if isinstance(value, torch.nn.Module):
                    # Not by assignment: that would write the stand-in's class into the configuration.
                    pipeline.__dict__[part] = shared(part, value)

    def begin(self, handle: Handle, loras: tuple[Use, ...] = ()) -> Row:
        """Raises BadRequest when the parameters do not fit, and whatever the pipeline raises."""
        request = handle.request
        if request.step_reuse and request.step_reuse not in EVERY:
            raise BadRequest(f"step_reuse must be one of {', '.join(EVERY)}")
        for use in loras:
            use.lora.check(self.networks)
        template = pipeline_for(self.pipelines, request)
        pipeline = copy.copy(template)
        pipeline.__dict__["scheduler"] = own_scheduler(template.scheduler, request.scheduler)
        arguments, told = asked_of(pipeline, request)
        # Drawn on the CPU whatever the device, so that a seed means the same picture everywhere.
        arguments["generator"] = torch.Generator("cpu").manual_seed(request.seed)
        parameters = told | {"pipeline": self.name, "sampler": type(pipeline.scheduler).__name__}
        row = Row(handle, Suspended(lambda: pipeline(**arguments)), parameters, loras)
        if "callback_on_step_end" in inspect.signature(pipeline.__call__).parameters:
            arguments["callback_on_step_end"] = after_step(row, self._previews(pipeline, request))
        else:
            count_steps(row, pipeline.scheduler)
        row.run.start()
        return row

    def _previews(self, pipeline: Any, request: Request) -> Previews | None:
        """None where the model has a safety checker: it looks at finished pictures only."""
        if not request.previews or getattr(pipeline, "safety_checker", None) is not None:
            return None
        return previews_for(pipeline, self.vae)

    def bucket(self, row: Row) -> Hashable:
        """Rows of equal buckets may share a call."""
        return row.call.form

    def answers(self, rows: list[Row]) -> list[Any]:
        """The output of each row's call; all belong to one bucket."""
        if rows[0].phase == "denoise":
            return self._computed(rows)
        if rows[0].phase == "encode":
            return self.texts.answers(rows, self._computed)
        return self._decoded(rows)

    def _computed(self, rows: list[Row]) -> list[Any]:
        call = rows[0].call
        changed = any(row.loras for row in rows)
        loras = [(row.call.rows, row.loras) for row in rows]
        with as_written(call.network, where=changed), adapted(call.network, call.part, loras):
            return answer([row.call for row in rows])

    def _decoded(self, rows: list[Row]) -> list[Any]:
        factor = int(next(iter(self.pipelines.values())).vae_scale_factor)
        if pixels_of(rows[0].call, factor) > self.limits.tile_above:
            for row in rows:
                row.parameters["tiled_decode"] = True
        return decoded(
            [row.call for row in rows],
            factor=factor,
            tile_above=self.limits.tile_above,
            each_alone=bool(self.limits.compiler),
        )


def after_step(row: Row, previews: Previews | None) -> Any:
    """What a stock pipeline calls when it has taken a step."""

    def taken(pipeline: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        preview = previews.picture() if previews is not None else None
        row.reached(index + 1, pipeline.num_timesteps, tensors["latents"], preview)
        return {}

    return taken


def count_steps(row: Row, scheduler: Any) -> None:
    """The same for the pipelines that call nobody: their scheduler tells."""
    stock = scheduler.step

    # Pipelines look at the parameters of `step`: `wraps` lets them see the stock ones.
    @functools.wraps(stock)
    def step(*arguments: Any, **named: Any) -> Any:
        stepped = stock(*arguments, **named)
        row.reached(row.step + 1, len(scheduler.timesteps), stepped[0])
        return stepped

    scheduler.step = step


def load_model(folder: Path, *, device: str, dtype: torch.dtype, limits: Limits) -> ServedModel:
    """Load a checked folder with the stock library. Raises ModelRefused."""
    index = check_folder(folder)
    absent = {name: None for name, value in index.items() if value == [None, None]}
    try:
        pipeline = DiffusionPipeline.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True, **absent
        )
    except Exception as error:
        raise ModelRefused("cannot_load", f"{type(error).__name__}: {error}"[:300]) from error
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to(device)
    compute_repeats_once(pipeline, device)
    if limits.compiler:
        compile_parts(pipeline, device, limits)
    return ServedModel(pipeline, limits)


def compile_parts(pipeline: Any, device: str, limits: Limits) -> None:
    """What takes nearly all the time: the denoiser, and what makes pictures of its latents."""
    if device != "cpu":
        channels_last(pipeline)
        gelu_in_the_product(denoiser_of(pipeline))
    compile_network(denoiser_of(pipeline), limits.compiler, full=limits.rows)
    if isinstance(getattr(pipeline, "vae", None), AutoencoderKL):
        compile_network(pipeline.vae.decoder, limits.compiler, full=1)


def compute_repeats_once(pipeline: Any, device: str) -> None:
    """Stable Diffusion 3 reads zeros where a text encoder is silent."""
    transformer = getattr(pipeline, "transformer", None)
    if not isinstance(transformer, SD3Transformer2DModel):
        return
    if device == "cpu":
        transformer.forward = once_for_repeats(transformer.forward, transformer.config.patch_size)
    elif pipeline.text_encoder_3 is None:
        once_for_silence(transformer, inspect.signature(pipeline.__call__).parameters["max_sequence_length"].default)


def measured_bytes(pipeline: Any) -> int:
    """Bytes of all parameters and buffers, shared ones counted once."""
    tensors = {
        tensor.data_ptr(): tensor.nbytes
        for part in pipeline.components.values()
        if isinstance(part, torch.nn.Module)
        for tensor in [*part.parameters(), *part.buffers()]
    }
    return sum(tensors.values())
