"""What a pipeline folder's own files say about how to ask it: size, units, usual steps."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inference.enums import Task

MAX_STEPS = 200
MAX_PICTURES = 10
MAX_SIDE = 2048
MAX_GUIDANCE = 30.0
MAX_PROMPT = 4000
MAX_SEED = 2**32 - 1 - MAX_PICTURES
MAX_LORAS = 8
MAX_LORA_SCALE = 4.0
MAX_IMAGE_GUIDANCE = 10.0

# The classes that the engine draws with, and what for: the same as its own table (a test compares).
_ALL = (Task.TEXT_TO_IMAGE, Task.IMAGE_TO_IMAGE, Task.INPAINTING)
SERVES: dict[str, tuple[Task, ...]] = {
    "StableDiffusionPipeline": _ALL,
    "StableDiffusionInpaintPipeline": (Task.INPAINTING,),
    "StableDiffusionInstructPix2PixPipeline": (Task.EDITING,),
    "StableDiffusionXLPipeline": _ALL,
    "StableDiffusionXLInpaintPipeline": (Task.INPAINTING,),
    "StableDiffusion3Pipeline": _ALL,
    "LDMTextToImagePipeline": (Task.TEXT_TO_IMAGE,),
    "FluxPipeline": (Task.TEXT_TO_IMAGE,),
}
# Stock inpainting of this class knows two widths of input.
_FILLING_CHANNELS = {16, 33}
_WITHOUT_NEGATIVE = frozenset({"FluxPipeline"})
DIFFUSION_SAMPLERS = (
    "ddim",
    "ddpm",
    "pndm",
    "lms",
    "euler",
    "euler_a",
    "heun",
    "dpmpp_2m",
    "dpmpp_2m_karras",
    "dpmpp_2m_sde",
    "unipc",
    "lcm",
)
FLOW_SAMPLERS = ("flow_euler", "flow_heun")

# Steps and guidance that the stock pipeline of the class uses by itself.
_USUAL = {"StableDiffusion3Pipeline": (28, 7.0), "FluxPipeline": (28, 3.5)}
_OTHERWISE = (50, 7.5)

ReadFile = Callable[[str], str | None]


@dataclass(frozen=True)
class Profile:
    """`unit` divides both sides; the sizes are in pixels, no side is longer than `largest`.

    `tasks` is empty for a class that the engine does not know. `denoiser` is the folder of the network
    that takes the steps, `parts` are all components by name.
    """

    pipeline: str
    width: int
    height: int
    unit: int
    steps: int
    guidance: float
    largest: int = MAX_SIDE
    tasks: tuple[Task, ...] = ()
    samplers: tuple[str, ...] = DIFFUSION_SAMPLERS
    denoiser: str = "unet"
    parts: tuple[str, ...] = ()
    takes_negative_prompt: bool = True

    @property
    def is_flow(self) -> bool:
        return self.samplers == FLOW_SAMPLERS


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
    is_flow = _is_flow(pipeline, _json(read("scheduler/scheduler_config.json")))
    return Profile(
        pipeline=pipeline,
        width=min(side, MAX_SIDE),
        height=min(side, MAX_SIDE),
        unit=unit,
        steps=_number(advice.get("num_inference_steps"), steps, 1, MAX_STEPS),
        guidance=_real(advice.get("guidance_scale"), guidance),
        largest=_largest(denoiser, unit),
        tasks=_tasks(pipeline, denoiser),
        samplers=FLOW_SAMPLERS if is_flow else DIFFUSION_SAMPLERS,
        denoiser="transformer" if "transformer" in index else "unet",
        parts=tuple(name for name, part in index.items() if isinstance(part, list) and part != [None, None]),
        takes_negative_prompt=pipeline not in _WITHOUT_NEGATIVE,
    )


def _tasks(pipeline: str, denoiser: dict[str, Any]) -> tuple[Task, ...]:
    tasks = SERVES.get(pipeline, ())
    if pipeline == "StableDiffusion3Pipeline" and denoiser.get("in_channels", 16) not in _FILLING_CHANNELS:
        return tuple(task for task in tasks if task != Task.INPAINTING)
    return tasks


def _is_flow(pipeline: str, scheduler: dict[str, Any]) -> bool:
    name = scheduler.get("_class_name")
    return name.startswith("FlowMatch") if isinstance(name, str) else pipeline in _USUAL


def _largest(denoiser: dict[str, Any], unit: int) -> int:
    """Some transformers have positions up to a size and none beyond."""
    positions = denoiser.get("pos_embed_max_size")
    return min(MAX_SIDE, _number(positions, MAX_SIDE, 1, MAX_SIDE) * unit)


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
