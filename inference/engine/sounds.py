"""Sounds out of noise: how long they may be, and what the stock pipeline is asked."""

from __future__ import annotations

from typing import Any

from inference.engine.requests import BadRequest, Request, Sound

# As many samples as the largest picture has pixels.
MOST_SAMPLES = 2**22


def asked_of(pipeline: Any, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the stock pipeline is called with, apart from its generator, and the parameters of the sound.

    Raises BadRequest for what means nothing to a network that hears no words.
    """
    if request.prompt or request.negative_prompt:
        raise BadRequest("this model makes sounds out of noise: it takes no prompt")
    if request.width or request.height:
        raise BadRequest("a sound has no width and no height, but seconds")
    settings = pipeline.unet.config
    rate = int(settings.sample_rate)
    seconds = settings.sample_size / rate if request.seconds is None else request.seconds
    _check_length(seconds * rate, unit=2 ** len(pipeline.unet.up_blocks))
    told = request.parameters()
    for name in ("prompt", "negative_prompt", "guidance"):
        del told[name]
    told |= {"seconds": seconds, "sample_rate": rate, "channels": int(settings.out_channels)}
    return {"num_inference_steps": request.steps, "audio_length_in_s": seconds}, told


def sound_of(output: Any, parameters: dict[str, Any]) -> Sound:
    """The one sound that a stock pipeline returned."""
    return Sound(output.audios[0], parameters["sample_rate"])


def _check_length(samples: float, *, unit: int) -> None:
    """The network halves a sound as often as it has levels; the stock pipeline pads it and cuts it again."""
    if samples < 3 * unit:
        raise BadRequest(f"a sound of this model has at least {3 * unit} samples")
    if samples > MOST_SAMPLES:
        raise BadRequest(f"a sound has at most {MOST_SAMPLES} samples")
