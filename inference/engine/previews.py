"""What the finished picture may look like, from what a request's sampler is told at each step."""

from __future__ import annotations

import functools
from typing import Any

from diffusers import AutoencoderTiny
from torch import Tensor

from inference.engine.samplers import is_flow

# Those whose samples carry noise of scale sigma; the others mix picture and noise by alphas_cumprod.
BY_SIGMA = frozenset(
    [
        "EulerDiscreteScheduler",
        "EulerAncestralDiscreteScheduler",
        "LMSDiscreteScheduler",
        "HeunDiscreteScheduler",
    ]
)


class Previews:
    """Watches one request's own scheduler; `picture` decodes the newest estimate."""

    def __init__(self, pipeline: Any, vae: Any) -> None:
        self._pipeline = pipeline
        self._vae = vae
        self._estimate: Tensor | None = None
        scheduler = pipeline.scheduler
        stock = scheduler.step

        # Pipelines look at the parameters of `step`: `wraps` lets them see the stock ones.
        @functools.wraps(stock)
        def step(output: Tensor, timestep: Any, sample: Tensor, *more: Any, **named: Any) -> Any:
            stepped = stock(output, timestep, sample, *more, **named)
            self._estimate = estimate(scheduler, output, timestep, sample)
            return stepped

        scheduler.step = step

    def picture(self) -> Any:
        # Flux lays its latents out in a row: no preview of those.
        if self._estimate is None or self._estimate.dim() != 4:
            return None
        settings = self._vae.config
        latents = self._estimate / settings.scaling_factor + (getattr(settings, "shift_factor", None) or 0.0)
        pixels = self._vae.decode(latents.to(self._vae.dtype), return_dict=False)[0]
        return self._pipeline.image_processor.postprocess(pixels, output_type="pil")[0]


def previews_for(pipeline: Any, vae: Any) -> Previews | None:
    """Only where decoding costs next to nothing."""
    return Previews(pipeline, vae) if isinstance(vae, AutoencoderTiny) else None


def estimate(scheduler: Any, output: Tensor, timestep: Any, sample: Tensor) -> Tensor:
    """The picture without its noise, as the model's output at this step has it."""
    if is_flow(scheduler):
        return sample - _sigma(scheduler, sample) * output
    if type(scheduler).__name__ in BY_SIGMA:
        sigma = _sigma(scheduler, sample)
        alpha, scaled = 1 / (sigma**2 + 1).sqrt(), sample / (sigma**2 + 1).sqrt()
        noise = sigma * alpha
    else:
        cumulative = scheduler.alphas_cumprod[int(timestep)].to(sample)
        alpha, noise, scaled = cumulative.sqrt(), (1 - cumulative).sqrt(), sample
    kind = scheduler.config.prediction_type
    if kind == "sample":
        return output
    return alpha * scaled - noise * output if kind == "v_prediction" else (scaled - noise * output) / alpha


def _sigma(scheduler: Any, sample: Tensor) -> Tensor:
    """The noise of the sample that the step just taken began from."""
    return scheduler.sigmas[max(scheduler.step_index - 1, 0)].to(sample)
