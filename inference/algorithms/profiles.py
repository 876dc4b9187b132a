"""What a pipeline folder's own files say about how to ask it: size, units, usual steps."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inference.algorithms.samplers import Pace, pace_of_class
from inference.algorithms.sounds import SoundFacts, sound_facts
from inference.enums import Task

MAX_STEPS = 200
MAX_PICTURES = 10
MAX_SIDE = 2048
# A picture many times as long as those that a model learned repeats itself, and its attention costs the fourth power.
MOST_TIMES = 8
MAX_GUIDANCE = 30.0
MAX_PROMPT = 4000
MAX_SEED = 2**32 - 1 - MAX_PICTURES
MAX_LORAS = 8
MAX_LORA_SCALE = 4.0
MAX_IMAGE_GUIDANCE = 10.0
MAX_NOISE_LEVEL = 999

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
    "DanceDiffusionPipeline": (Task.SOUND,),
    "IFSuperResolutionPipeline": (Task.UPSCALE,),
    "StableDiffusionUpscalePipeline": (Task.UPSCALE,),
}
# Stock inpainting of this class knows two widths of input.
_FILLING_CHANNELS = {16, 33}
# Classes whose networks may be told the guidance as a number, and then compute nothing twice.
_TOLD_GUIDANCE = frozenset(
    [
        "StableDiffusionPipeline",
        "StableDiffusionInpaintPipeline",
        "StableDiffusionXLPipeline",
        "StableDiffusionXLInpaintPipeline",
    ]
)
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
# What stock pipelines cannot be sampled with: Flux sets noise levels of its own, and LDM does not scale what its
# network sees to the noise that these begin with.
_UNFIT = {"FluxPipeline": {"flow_heun"}, "LDMTextToImagePipeline": {"lms", "euler", "euler_a", "heun"}}
# For networks that say how far they may be wrong; beside a velocity only the first.
SPREADING_SAMPLERS = ("ddpm", "dpmpp_2m")

# Steps and guidance that the stock pipeline of the class uses by itself.
_USUAL = {
    "StableDiffusion3Pipeline": (28, 7.0),
    "FluxPipeline": (28, 3.5),
    "IFSuperResolutionPipeline": (50, 4.0),
    "StableDiffusionUpscalePipeline": (75, 9.0),
}
_OTHERWISE = (50, 7.5)
_STEPS_OF_SOUNDS = 100
_FLOWING = frozenset({"StableDiffusion3Pipeline", "FluxPipeline"})
# How noisy the image is made before it is enlarged: what their stock pipelines do by themselves, and the most.
_NOISE = {"IFSuperResolutionPipeline": (250, MAX_NOISE_LEVEL), "StableDiffusionUpscalePipeline": (20, 350)}

ReadFile = Callable[[str], str | None]


@dataclass(frozen=True)
class Profile:
    """`unit` divides both sides; the sizes are in pixels, no side is longer than `largest`.

    `tasks` is empty for a class that the engine does not know. `denoiser` is the folder of the network
    that takes the steps, `parts` are all components by name. Where it takes no negative prompt, the
    guidance is a number that the network is told. `pace` is that of its own scheduler, which
    `shifts_end` where it moves the last of its noise levels. `enlarges` is how many times sides become
    longer, 0 where the model enlarges to a size of its own, or not at all; `noise_levels` are the usual one
    and the most. With `sound` it makes sounds, which have no size.
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
    pace: Pace = Pace.ONCE
    shifts_end: bool = False
    sound: SoundFacts | None = None
    enlarges: int = 0
    noise_levels: tuple[int, int] | None = None

    @property
    def is_flow(self) -> bool:
        return FLOW_SAMPLERS[0] in self.samplers

    def pace_of(self, task: Task) -> Pace:
        """That of its own scheduler in this task: stock inpainting of Stable Diffusion 1 leaves out one beginning."""
        skips = task == Task.INPAINTING and not self.pipeline.startswith("StableDiffusionXL")
        return Pace.PLMS if self.pace == Pace.PRK and skips else self.pace

    def fewest_steps(self, task: Task, scheduler: str) -> int:
        """With fewer the stock scheduler fails: it moves the last of several, or begins with four."""
        if self.shifts_end and scheduler in {"", "flow_euler"}:
            return 2
        return 4 if not scheduler and self.pace_of(task) == Pace.PRK else 1


def profile_of(read: ReadFile, *, card: dict[str, Any]) -> Profile | None:
    """None when there is no pipeline. `read` gives a file's text, or None.

    The card may name better values than the class has, as Hub cards do:
    `inference: {parameters: {num_inference_steps: 12, guidance_scale: 2.0}}`, for those that enlarge `noise_level` too.
    """
    index = _json(read("model_index.json"))
    pipeline = index.get("_class_name")
    if not isinstance(pipeline, str):
        return None
    denoiser = _json(read("transformer/config.json")) or _json(read("unet/config.json"))
    parts = tuple(name for name, part in index.items() if isinstance(part, list) and part != [None, None])
    if SERVES.get(pipeline) == (Task.SOUND,):
        return _of_sounds(pipeline, denoiser, parts, _advice(card))
    vae = _json(read("vae/config.json"))
    levels = vae.get("block_out_channels") or vae.get("encoder_block_out_channels") or [0] * 4
    factor = 2 ** (len(levels) - 1) if isinstance(levels, list) and len(levels) <= 8 else 8
    if pipeline == "IFSuperResolutionPipeline":
        factor = 1  # its network sees pixels
    side = _number(denoiser.get("sample_size"), 64, 1, MAX_SIDE) * factor
    unit = factor * _number(denoiser.get("patch_size"), 1, 1, 64) if "transformer" in index else max(8, factor)
    enlarges = factor if pipeline == "StableDiffusionUpscalePipeline" else 0
    if enlarges:
        unit = factor * factor
    steps, guidance = _USUAL.get(pipeline, _OTHERWISE)
    advice = _advice(card)
    scheduler = _json(read("scheduler/scheduler_config.json"))
    return Profile(
        pipeline=pipeline,
        width=min(side, MAX_SIDE),
        height=min(side, MAX_SIDE),
        unit=unit,
        steps=_number(advice.get("num_inference_steps"), steps, 1, MAX_STEPS),
        guidance=_real(advice.get("guidance_scale"), guidance),
        largest=min(_largest(denoiser, unit), MOST_TIMES * side),
        tasks=_tasks(pipeline, denoiser),
        samplers=_samplers(pipeline, scheduler),
        denoiser="transformer" if "transformer" in index else "unet",
        parts=parts,
        takes_negative_prompt=not _is_told_guidance(pipeline, denoiser),
        pace=pace_of_class(scheduler.get("_class_name"), skips_prk=scheduler.get("skip_prk_steps") is True),
        shifts_end=bool(scheduler.get("shift_terminal")),
        enlarges=enlarges,
        noise_levels=_noise_levels(pipeline, index, advice),
    )


def _of_sounds(
    pipeline: str, denoiser: dict[str, Any], parts: tuple[str, ...], advice: dict[str, Any]
) -> Profile | None:
    sound = sound_facts(denoiser)
    if sound is None:
        return None
    return Profile(
        pipeline=pipeline,
        width=0,
        height=0,
        unit=sound.unit,
        steps=_number(advice.get("num_inference_steps"), _STEPS_OF_SOUNDS, 1, MAX_STEPS),
        guidance=1.0,
        tasks=(Task.SOUND,),
        samplers=(),
        parts=parts,
        takes_negative_prompt=False,
        sound=sound,
    )


def _is_told_guidance(pipeline: str, denoiser: dict[str, Any]) -> bool:
    return pipeline == "FluxPipeline" or (pipeline in _TOLD_GUIDANCE and denoiser.get("time_cond_proj_dim") is not None)


def _tasks(pipeline: str, denoiser: dict[str, Any]) -> tuple[Task, ...]:
    tasks = SERVES.get(pipeline, ())
    if pipeline == "StableDiffusion3Pipeline" and denoiser.get("in_channels", 16) not in _FILLING_CHANNELS:
        return tuple(task for task in tasks if task != Task.INPAINTING)
    return tasks


def _samplers(pipeline: str, scheduler: dict[str, Any]) -> tuple[str, ...]:
    name = scheduler.get("_class_name")
    known: tuple[str, ...]
    if name.startswith("FlowMatch") if isinstance(name, str) else pipeline in _FLOWING:
        known = FLOW_SAMPLERS
    elif scheduler.get("variance_type") in {"learned", "learned_range"}:
        known = (
            SPREADING_SAMPLERS if scheduler.get("prediction_type", "epsilon") == "epsilon" else SPREADING_SAMPLERS[:1]
        )
    else:
        known = DIFFUSION_SAMPLERS
    return tuple(one for one in known if one not in _UNFIT.get(pipeline, ()))


def _noise_levels(pipeline: str, index: dict[str, Any], advice: dict[str, Any]) -> tuple[int, int] | None:
    """The usual one and the most."""
    if pipeline not in _NOISE:
        return None
    usual, most = _NOISE[pipeline]
    most = _number(index.get("max_noise_level"), most, 0, MAX_NOISE_LEVEL)
    return _number(advice.get("noise_level"), min(usual, most), 0, most), most


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
    except (ValueError, RecursionError):
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
