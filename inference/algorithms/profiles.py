"""What a pipeline folder's own files say about how to ask it: size, units, usual steps."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_STEPS = 200
MAX_PICTURES = 10
MAX_SIDE = 2048
MAX_GUIDANCE = 30.0
MAX_PROMPT = 4000
MAX_SEED = 2**32 - 1 - MAX_PICTURES

# Steps and guidance that the stock pipeline of the class uses by itself.
_USUAL = {"StableDiffusion3Pipeline": (28, 7.0), "FluxPipeline": (28, 3.5)}
_OTHERWISE = (50, 7.5)

ReadFile = Callable[[str], str | None]


@dataclass(frozen=True)
class Profile:
    """`unit` divides both sides; the sizes are in pixels."""

    pipeline: str
    width: int
    height: int
    unit: int
    steps: int
    guidance: float


def profile_of(read: ReadFile, *, card: dict[str, Any]) -> Profile | None:
    """None when there is no pipeline. `read` gives a file's text, or None.

    The card may name better values than the class has, as Hub cards do:
    `inference: {parameters: {num_inference_steps: 12, guidance_scale: 2.0}}`.
    """
    index = _json(read("model_index.json"))
    pipeline = index.get("_class_name")
    if not isinstance(pipeline, str):
        return None
    denoiser = _json(read("transformer/config.json")) or _json(read("unet/config.json"))
    vae = _json(read("vae/config.json"))
    levels = vae.get("block_out_channels") or vae.get("encoder_block_out_channels") or [0] * 4
    factor = 2 ** (len(levels) - 1) if isinstance(levels, list) and len(levels) <= 8 else 8
    side = _number(denoiser.get("sample_size"), 64, 1, MAX_SIDE) * factor
    unit = factor * _number(denoiser.get("patch_size"), 1, 1, 64) if "transformer" in index else max(8, factor)
    steps, guidance = _USUAL.get(pipeline, _OTHERWISE)
    advice = _advice(card)
    return Profile(
        pipeline=pipeline,
        width=min(side, MAX_SIDE),
        height=min(side, MAX_SIDE),
        unit=unit,
        steps=_number(advice.get("num_inference_steps"), steps, 1, MAX_STEPS),
        guidance=_real(advice.get("guidance_scale"), guidance),
    )


def _advice(card: dict[str, Any]) -> dict[str, Any]:
    inference = card.get("inference")
    parameters = inference.get("parameters") if isinstance(inference, dict) else None
    return parameters if isinstance(parameters, dict) else {}


def _json(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _number(value: Any, default: int, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        return default
    return value


def _real(value: Any, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_GUIDANCE:
        return default
    return float(value)
