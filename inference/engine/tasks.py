"""Families: which stock pipeline draws a request, and with which arguments."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import diffusers
from PIL.Image import Image, Resampling

from inference.engine import sounds
from inference.engine.pictures import gives_tensors
from inference.engine.requests import BadRequest, Request

DRAW, REDRAW, FILL, ENLARGE, SOUND = "draw", "redraw", "fill", "enlarge", "sound"
LARGEST_UNSPOKEN = 8192

# What a model of this class can be asked for, and the stock pipeline that does it with the same parts.
TASKS: dict[str, dict[str, str]] = {
    "StableDiffusionPipeline": {
        DRAW: "StableDiffusionPipeline",
        REDRAW: "StableDiffusionImg2ImgPipeline",
        FILL: "StableDiffusionInpaintPipeline",
    },
    "StableDiffusionInpaintPipeline": {FILL: "StableDiffusionInpaintPipeline"},
    "StableDiffusionInstructPix2PixPipeline": {REDRAW: "StableDiffusionInstructPix2PixPipeline"},
    "StableDiffusionXLPipeline": {
        DRAW: "StableDiffusionXLPipeline",
        REDRAW: "StableDiffusionXLImg2ImgPipeline",
        FILL: "StableDiffusionXLInpaintPipeline",
    },
    "StableDiffusionXLInpaintPipeline": {FILL: "StableDiffusionXLInpaintPipeline"},
    "StableDiffusion3Pipeline": {
        DRAW: "StableDiffusion3Pipeline",
        REDRAW: "StableDiffusion3Img2ImgPipeline",
        FILL: "StableDiffusion3InpaintPipeline",
    },
    "LDMTextToImagePipeline": {DRAW: "LDMTextToImagePipeline"},
    "FluxPipeline": {DRAW: "FluxPipeline"},
    "DanceDiffusionPipeline": {SOUND: "DanceDiffusionPipeline"},
    "IFSuperResolutionPipeline": {ENLARGE: "IFSuperResolutionPipeline"},
    "StableDiffusionUpscalePipeline": {ENLARGE: "StableDiffusionUpscalePipeline"},
}
NEEDS = {DRAW: "neither an image nor a mask", REDRAW: "an image", FILL: "an image and a mask", ENLARGE: "an image"}
NEEDS[SOUND] = NEEDS[DRAW]


@dataclass(frozen=True)
class Size:
    """Pixels of the picture to be made."""

    width: int
    height: int


def task_of(request: Request) -> str:
    if request.mask is not None:
        if request.image is None:
            raise BadRequest("a mask needs an image")
        return FILL
    return DRAW if request.image is None else REDRAW


def pipelines_for(loaded: Any) -> dict[str, Any]:
    """One pipeline for each task of a loaded model, all with the same parts."""
    tasks = dict(TASKS[type(loaded).__name__])
    denoiser = denoiser_of(loaded)
    # Stable Diffusion 3's stock inpainting knows two widths of input, and no other.
    if type(loaded).__name__ == "StableDiffusion3Pipeline" and denoiser.config.in_channels not in {16, 33}:
        del tasks[FILL]
    return {task: _of_class(name, loaded) for task, name in tasks.items()}


def denoiser_of(pipeline: Any) -> Any:
    return getattr(pipeline, "unet", None) or pipeline.transformer


def pipeline_for(pipelines: dict[str, Any], request: Request) -> Any:
    """Raises BadRequest when the model does not do what is asked."""
    task = task_of(request)
    if task == DRAW and SOUND in pipelines:
        return pipelines[SOUND]
    if task == REDRAW and ENLARGE in pipelines:
        task = ENLARGE
    if task not in pipelines:
        raise BadRequest(f"this model needs {' or '.join(NEEDS[task] for task in pipelines)}")
    return pipelines[task]


def asked_of(pipeline: Any, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the stock pipeline is called with, apart from its generator, and the parameters that the result tells.

    Raises BadRequest when the model cannot.
    """
    if SOUND in TASKS.get(type(pipeline).__name__, {}):
        return sounds.asked_of(pipeline, request)
    if request.seconds is not None:
        raise BadRequest("a picture has no seconds, but width and height")
    size = size_of(pipeline, request)
    told = request.parameters() | {"width": size.width, "height": size.height}
    return arguments_for(pipeline, request, size), told


def size_of(pipeline: Any, request: Request) -> Size:
    """Asked for, or the picture's, or the model's own. Raises BadRequest when the model cannot."""
    own = _own_size(pipeline)
    times = enlarges(pipeline)
    if request.image is not None and times and not (request.width and request.height):
        size = Size(*(side * times for side in request.image.size)) if times > 1 else Size(own, own)
    elif request.image is not None and not (request.width and request.height):
        size = Size(*request.image.size)
    else:
        size = Size(request.width or own, request.height or own)
    unit, largest = _limits(pipeline)
    if size.width % unit or size.height % unit:
        raise BadRequest(f"width and height must be multiples of {unit}")
    if max(size.width, size.height) > largest:
        raise BadRequest(f"width and height must be at most {largest}")
    return size


def enlarges(pipeline: Any) -> int:
    """How many times the sides become longer; 1 where the picture may have any size, 0 where nothing is enlarged."""
    name = type(pipeline).__name__
    return _factor(pipeline) if name == "StableDiffusionUpscalePipeline" else int(name == "IFSuperResolutionPipeline")


def arguments_for(pipeline: Any, request: Request, size: Size) -> dict[str, Any]:
    """What the stock pipeline is called with, apart from its generator."""
    accepts = set(inspect.signature(pipeline.__call__).parameters)
    times = enlarges(pipeline)
    given = Size(size.width // times, size.height // times) if times > 1 else size
    arguments: dict[str, Any] = {
        "prompt": request.prompt,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance,
        "negative_prompt": request.negative_prompt or None,
        # The stock pipeline of pixels enlarges by itself what it is given.
        "image": request.image if times == 1 else _fitted(request.image, given),
        "mask_image": _fitted(request.mask, size),
        "strength": request.strength if request.image is not None else None,
        "image_guidance_scale": request.image_guidance,
        "noise_level": request.noise_level,
        "clean_caption": False,  # prompts are used as they are
        "output_type": "pt" if gives_tensors(pipeline) else "pil",
        "width": size.width,
        "height": size.height,
    }
    # Flux takes one, and looks at it only under a second guidance that requests do not have.
    if request.negative_prompt and ("negative_prompt" not in accepts or "true_cfg_scale" in accepts):
        raise BadRequest(f"{type(pipeline).__name__} takes no negative prompt")
    if "strength" in accepts and int(request.steps * request.strength) < 1:
        raise BadRequest("steps times strength must be at least 1")
    return {name: value for name, value in arguments.items() if value is not None and name in accepts}


def _fitted(picture: Image | None, size: Size) -> Image | None:
    """The stock pipelines resize some of their pictures and some not: here all are, before."""
    if picture is None or picture.size == (size.width, size.height):
        return picture
    return picture.resize((size.width, size.height), Resampling.LANCZOS)


def _of_class(name: str, loaded: Any) -> Any:
    if type(loaded).__name__ == name:
        return loaded
    known = getattr(diffusers, name)
    accepts = set(inspect.signature(known.__init__).parameters)
    parts = {part: value for part, value in loaded.components.items() if part in accepts}
    # Some pipelines correct the configuration of what they are given: not that of the others.
    parts["scheduler"] = type(loaded.scheduler).from_config(loaded.scheduler.config)
    settings = {
        setting: value
        for setting, value in loaded.config.items()
        if setting in accepts and setting not in parts and isinstance(value, bool)
    }
    made = known(**parts, **settings)
    made.set_progress_bar_config(disable=True)
    return made


def _own_size(pipeline: Any) -> int:
    sample = getattr(pipeline, "default_sample_size", None) or denoiser_of(pipeline).config.sample_size
    return int(sample) * _factor(pipeline)


def _factor(pipeline: Any) -> int:
    return int(getattr(pipeline, "vae_scale_factor", 1))


def _limits(pipeline: Any) -> tuple[int, int]:
    """Sizes are multiples of the first and not larger than the second."""
    denoiser, factor = denoiser_of(pipeline), _factor(pipeline)
    if hasattr(denoiser.config, "pos_embed_max_size"):
        # Positions beyond this do not exist in the model: the stock pipeline would fail deep inside.
        unit = factor * int(pipeline.patch_size)
        return unit, int(denoiser.config.pos_embed_max_size) * unit
    if enlarges(pipeline) > 1:
        return factor * factor, LARGEST_UNSPOKEN
    return (2 * factor if hasattr(pipeline, "transformer") else 8), LARGEST_UNSPOKEN
