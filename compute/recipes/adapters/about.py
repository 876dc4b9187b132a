"""What the card of an adapter says, and what every adapter needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from PIL import Image

from compute.recipes.adapters.config import Config
from compute.recipes.data.config import require_one_place
from compute.recipes.data.pictures import Pictures
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.sheets import as_images
from compute.recipes.training.bases import LOCAL, called, gone_on_from
from compute.recipes.training.card import About, without
from compute.recipes.training.config import require_sensible_loop
from compute.recipes.training.program import SAMPLES

WHAT = {
    "lora": "A LoRA adapter",
    "dreambooth": "A LoRA adapter trained as DreamBooth: one subject, with the prior of its class preserved,",
    "textual_inversion": "A new word (textual inversion)",
}

SUBJECT = "subject_accuracy"
METRIC_NAMES = {
    "validation_loss": "Loss on pictures not trained on",
    SUBJECT: "Colour, shape and background of the subject",
    "colour_accuracy": "Colour of the subject",
    "shape_accuracy": "Shape of the subject",
    "background_accuracy": "Background of the subject",
}


def require_adapter(config: Config) -> None:
    """Raises Refused for a configuration that cannot work."""
    require_one_place(config.dataset)
    require_sensible_loop(config.training)
    adapter, prompt = config.adapter, config.dataset.prompt
    if prompt and config.dataset.caption_column:
        raise Refused(
            "'dataset.prompt' calls every picture the same, and 'dataset.caption_column' has a caption for each. Set "
            "one of them to nothing: --set dataset.prompt= to learn from captions."
        )
    if adapter.method != "lora" and not prompt:
        raise Refused("Set 'dataset.prompt': what every picture is called, for example 'a sks dog'.")
    if adapter.method == "dreambooth" and not adapter.class_prompt:
        raise Refused("Set 'adapter.class_prompt': what the subject is one of, for example 'a dog'.")
    if adapter.method == "textual_inversion" and adapter.word not in prompt:
        raise Refused(f"'dataset.prompt' must hold the new word {adapter.word!r}.")


def subject_of(pictures: Pictures) -> list[Image.Image]:
    """One picture of the subject."""
    return as_images(pictures.buckets[0].pictures(torch.arange(1)))


@dataclass(frozen=True)
class Loading:
    """How the stock pipeline is given the adapter, in Python; {name} stands for the repository."""

    before: str  # it is made
    pipeline: str  # its class
    after: str  # it is made
    told: str = ""  # to the class, after the base's name


def stock_loading(method: str, pipeline: str, *, absent: Iterable[str] = ()) -> Loading:
    load = "load_textual_inversion" if method == "textual_inversion" else "load_lora_weights"
    return Loading(f"from diffusers import {pipeline}", pipeline, f'pipeline.{load}("{{name}}")', without(absent))


def about_adapter(config: Config, source: Source, loading: Loading, prompt: str, earlier: Source | None) -> About:
    method, sampling = config.adapter.method, config.sampling
    base = called(source)
    return About(
        task="text-to-image",
        what=f"{WHAT[method]} for {'a model in a folder' if source.revision == LOCAL else base}"
        f"{gone_on_from(earlier)}.",
        usage=f"""
{loading.before}

pipeline = {loading.pipeline}.from_pretrained("{base}"{loading.told})
{loading.after}
picture = pipeline({prompt!r}, num_inference_steps={sampling.steps}, guidance_scale={sampling.guidance}).images[0]
""",
        tags=("diffusers", "textual_inversion" if method == "textual_inversion" else "lora"),
        metric_names=METRIC_NAMES,
        inference={"num_inference_steps": sampling.steps, "guidance_scale": sampling.guidance},
        picture=SAMPLES,
        picture_shows="Pictures drawn with this adapter",
    )
