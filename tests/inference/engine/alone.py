"""The judge: the stock pipeline of diffusers, one request at a time, loaded by its own class."""

from functools import cache

import torch
from PIL import Image

from inference.engine.samplers import SAMPLERS


@cache
def stock(class_name, folder, device="cpu", dtype=torch.float32):
    import diffusers

    absent = {"text_encoder_3": None, "tokenizer_3": None} if "Diffusion3" in class_name else {}
    if class_name.startswith("StableDiffusion") and not class_name.startswith(
        ("StableDiffusionXL", "StableDiffusion3")
    ):
        absent = {"safety_checker": None}
    pipeline = getattr(diffusers, class_name).from_pretrained(folder, dtype=dtype, **absent).to(device)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.own_scheduler = pipeline.scheduler
    return pipeline


def drawn_alone(class_name, folder, request, output_type="latent", **place):
    """What the stock pipeline returns for this request."""
    import diffusers

    pipeline = stock(class_name, folder, **place)
    pipeline.scheduler = type(pipeline.own_scheduler).from_config(pipeline.own_scheduler.config)
    if request.scheduler is not None:
        sampler = SAMPLERS[request.scheduler]
        known = getattr(diffusers, sampler.class_name)
        pipeline.scheduler = known.from_config(pipeline.own_scheduler.config, **sampler.changes)
    arguments = {
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance,
        "generator": torch.Generator().manual_seed(request.seed),
        "output_type": output_type,
    }
    if request.negative_prompt:
        arguments["negative_prompt"] = request.negative_prompt
    if request.image is not None and "Pix2Pix" in class_name:
        arguments |= {"image": request.image, "image_guidance_scale": request.image_guidance}
    elif request.noise_level is not None:
        arguments |= {"image": request.image, "noise_level": request.noise_level}
    elif request.image is not None:
        arguments |= {"image": request.image, "strength": request.strength}
    if request.mask is not None:
        arguments["mask_image"] = request.mask
    if "SuperResolution" in class_name:
        arguments |= {"clean_caption": False, "output_type": "pt" if output_type == "latent" else output_type}
    if request.width:
        arguments |= {"width": request.width, "height": request.height}
    return pipeline(request.prompt, **arguments).images


def photograph(size=16):
    """A picture with something to see in it."""
    picture = Image.new("RGB", (size, size), (40, 90, 200))
    picture.paste((230, 60, 30), (size // 4, size // 4, size - 3, size // 2))
    return picture


def mask(size=16):
    """White where it is to be filled: the right half."""
    picture = Image.new("L", (size, size), 0)
    picture.paste(255, (size // 2, 0, size, size))
    return picture
