"""Step-level batching for the Stable Diffusion 3 family (rectified flow, arXiv 2403.03206).

A transformer call takes a vector of timesteps, so rows of different requests, at different
steps, with or without guidance, go through one call. Everything that belongs to a request
(its schedule, its latents, its noise) stays outside the call, and each request does to its
own row what the stock pipeline would do alone; so the result is the same picture.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderTiny, FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import calculate_shift
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from inference.engine.requests import BadRequest, Handle, Progress, Request
from inference.engine.rows import Row

PROMPTS_KEPT = 256
Text = tuple[Tensor, Tensor]


@dataclass
class FlowState:
    """The request's own schedule, and its text: (states, pooled) with the prompt last."""

    scheduler: FlowMatchEulerDiscreteScheduler
    texts: list[Text]


def batches_steps(pipeline: Any) -> bool:
    """Whether this pipeline's sampling is the one this module reproduces: Euler without fresh noise."""
    scheduler = pipeline.scheduler
    return type(scheduler) is FlowMatchEulerDiscreteScheduler and not scheduler.config.stochastic_sampling


class FlowMatchModel:
    """A StableDiffusion3Pipeline whose steps are shared between requests."""

    def __init__(self, pipeline: Any, nbytes: int) -> None:
        self.pipeline = pipeline
        self.nbytes = nbytes
        self.name = type(pipeline).__name__
        self._texts: OrderedDict[str, Text] = OrderedDict()

    @torch.no_grad()
    def begin(self, handle: Handle) -> Row:
        request = handle.request
        width, height = self._size(request)
        started = time.monotonic()
        texts = [self._text(request.prompt)]
        if request.guidance > 1:
            texts.insert(0, self._text(request.negative_prompt))
        latents = self._noise(request, width, height, texts[0][0].dtype)
        state = FlowState(self._schedule(request, latents), texts)
        row = Row(handle, len(state.scheduler.timesteps), width, height, latents=latents, state=state)
        row.timings.encode = time.monotonic() - started
        return row

    def bucket(self, row: Row) -> Hashable:
        return tuple(row.latents.shape)

    @torch.no_grad()
    def advance(self, rows: list[Row]) -> None:
        for row, velocity in zip(rows, self._predict(rows), strict=True):
            scheduler = row.state.scheduler
            estimate = row.latents - scheduler.sigmas[row.step] * velocity
            timestep = scheduler.timesteps[row.step]
            row.latents = scheduler.step(velocity, timestep, row.latents, return_dict=False)[0]
            row.step += 1
            row.handle.report(Progress(row.step, row.steps, self._preview(estimate, row)))

    @torch.no_grad()
    def finish(self, row: Row) -> Any:
        return self._decode(row.latents)

    def _predict(self, rows: list[Row]) -> list[Tensor]:
        """The velocity of each row, guidance applied; one transformer call for all of them."""
        latents, timesteps, states, pooled = [], [], [], []
        for row in rows:
            for text, projection in row.state.texts:
                latents.append(row.latents)
                timesteps.append(row.state.scheduler.timesteps[row.step])
                states.append(text)
                pooled.append(projection)
        output = self.pipeline.transformer(
            hidden_states=torch.cat(latents),
            timestep=torch.stack(timesteps),
            encoder_hidden_states=torch.cat(states),
            pooled_projections=torch.cat(pooled),
            return_dict=False,
        )[0]
        parts = iter(output.split(1))
        return [self._guided(row, [next(parts) for _text in row.state.texts]) for row in rows]

    def _guided(self, row: Row, parts: list[Tensor]) -> Tensor:
        if len(parts) == 1:
            return parts[0]
        negative, positive = parts
        return negative + row.request.guidance * (positive - negative)

    def _text(self, prompt: str) -> Text:
        """Encoded alone, as the stock pipeline does, and kept: prompts come again."""
        if prompt in self._texts:
            self._texts.move_to_end(prompt)
            return self._texts[prompt]
        states, _none, pooled, _no_pooled = self.pipeline.encode_prompt(
            prompt=prompt, prompt_2=None, prompt_3=None, do_classifier_free_guidance=False
        )
        self._texts[prompt] = (states, pooled)
        while len(self._texts) > PROMPTS_KEPT:
            self._texts.popitem(last=False)
        return states, pooled

    def _size(self, request: Request) -> tuple[int, int]:
        own = self.pipeline.default_sample_size * self.pipeline.vae_scale_factor
        width, height = request.width or own, request.height or own
        unit = self.pipeline.vae_scale_factor * self.pipeline.patch_size
        if width % unit or height % unit:
            raise BadRequest(f"width and height must be multiples of {unit}")
        # Positions beyond this do not exist in the model: the stock pipeline would fail deep inside.
        largest = self.pipeline.transformer.config.pos_embed_max_size * unit
        if max(width, height) > largest:
            raise BadRequest(f"width and height must be at most {largest}")
        return width, height

    def _noise(self, request: Request, width: int, height: int, dtype: torch.dtype) -> Tensor:
        pipeline = self.pipeline
        factor = pipeline.vae_scale_factor
        shape = (1, pipeline.transformer.config.in_channels, height // factor, width // factor)
        # Drawn on the CPU whatever the device, so that a seed means the same picture everywhere.
        generator = torch.Generator("cpu").manual_seed(request.seed)
        return randn_tensor(shape, generator=generator, device=pipeline.device, dtype=dtype)

    def _schedule(self, request: Request, latents: Tensor) -> FlowMatchEulerDiscreteScheduler:
        config = self.pipeline.scheduler.config
        scheduler = FlowMatchEulerDiscreteScheduler.from_config(config)
        shift = {}
        if config.use_dynamic_shifting:
            patch = self.pipeline.transformer.config.patch_size
            tokens = (latents.shape[-2] // patch) * (latents.shape[-1] // patch)
            shift["mu"] = calculate_shift(
                tokens,
                config.get("base_image_seq_len", 256),
                config.get("max_image_seq_len", 4096),
                config.get("base_shift", 0.5),
                config.get("max_shift", 1.16),
            )
        scheduler.set_timesteps(request.steps, device=latents.device, **shift)
        return scheduler

    def _preview(self, estimate: Tensor, row: Row) -> Any:
        """The estimate of the finished picture; only where decoding costs next to nothing."""
        if not row.request.previews or not isinstance(self.pipeline.vae, AutoencoderTiny):
            return None
        return self._decode(estimate)

    def _decode(self, latents: Tensor) -> Any:
        pipeline = self.pipeline
        scaled = latents / pipeline.vae.config.scaling_factor + pipeline.vae.config.shift_factor
        pixels = pipeline.vae.decode(scaled, return_dict=False)[0]
        return pipeline.image_processor.postprocess(pixels, output_type="pil")[0]
