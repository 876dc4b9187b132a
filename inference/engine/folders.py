"""Looks at a pipeline folder before anything in it is loaded: known classes, safetensors, no code.

Layout of a pipeline folder: diffusers, "Model files and layouts".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inference.engine.requests import ModelRefused

# Pipelines that the stock library loads and this engine has been tried with: the keys of `tasks.TASKS`.
KNOWN_PIPELINES = frozenset(
    [
        "StableDiffusion3Pipeline",
        "StableDiffusionPipeline",
        "StableDiffusionInpaintPipeline",
        "StableDiffusionInstructPix2PixPipeline",
        "StableDiffusionXLPipeline",
        "StableDiffusionXLInpaintPipeline",
        "LDMTextToImagePipeline",
        "FluxPipeline",
        "DanceDiffusionPipeline",
        "IFSuperResolutionPipeline",
        "StableDiffusionUpscalePipeline",
    ]
)
LIBRARIES = frozenset(["diffusers", "transformers"])
# The one component that lives in a module of its own inside diffusers.
KNOWN_ELSEWHERE = frozenset([("stable_diffusion", "StableDiffusionSafetyChecker")])
WITHOUT_WEIGHTS = ("Tokenizer", "TokenizerFast", "Scheduler", "ImageProcessor", "FeatureExtractor", "Processor")
LORA_FILE = "pytorch_lora_weights.safetensors"  # the name that diffusers gives it
# What is downloaded at all: configurations, vocabularies and safetensors. Never code, never pickles.
SAFE_FILES = ["model_index.json", "*/*.json", "*/*.txt", "*/*.model", "*/*.safetensors", LORA_FILE]
LARGEST_CONFIGURATION = 32 * 2**20

REASONS = frozenset(
    [
        "not_a_pipeline",
        "unknown_pipeline",
        "custom_code",
        "no_safetensors",
        "missing_part",
        "too_large",
        "cannot_load",
        "not_a_lora",
        "not_a_finder",
    ]
)


def check_folder(folder: Path) -> dict[str, Any]:
    """The parsed model_index.json of a folder that is safe to load.

    Raises ModelRefused with the reason otherwise.
    """
    index = read_json(folder / "model_index.json", "not_a_pipeline")
    pipeline = index.get("_class_name")
    if not isinstance(pipeline, str):
        raise ModelRefused("not_a_pipeline", "model_index.json")
    if pipeline not in KNOWN_PIPELINES:
        raise ModelRefused("custom_code" if "." in pipeline else "unknown_pipeline", pipeline[:80])
    for name, value in index.items():
        if not name.startswith("_") and isinstance(value, list):
            _check_component(folder, name, value)
    return index


def weights_size(folder: Path) -> int:
    """Bytes of all weights, before loading them: of a pipeline's parts, a LoRA, a classifier or a finder."""
    return sum(file.stat().st_size for file in [*folder.glob("*/*.safetensors"), *folder.glob("*.safetensors")])


def _check_component(folder: Path, name: str, value: list[Any]) -> None:
    if value == [None, None]:
        return
    if len(value) != 2 or not all(isinstance(part, str) for part in value) or not name.isidentifier():
        raise ModelRefused("not_a_pipeline", name[:80])
    library, class_name = value
    if library not in LIBRARIES and (library, class_name) not in KNOWN_ELSEWHERE:
        raise ModelRefused("custom_code", f"{name}: {library}.{class_name}"[:120])
    part = folder / name
    if not part.is_dir():
        raise ModelRefused("missing_part", name)
    for file in part.glob("*.json"):
        if "auto_map" in read_json(file, "not_a_pipeline", of_any_kind=True):
            raise ModelRefused("custom_code", f"{name}/{file.name}")
    if not class_name.endswith(WITHOUT_WEIGHTS) and not any(part.glob("*.safetensors")):
        raise ModelRefused("no_safetensors", name)


def read_json(file: Path, code: str, *, of_any_kind: bool = False) -> dict[str, Any]:
    try:
        if file.stat().st_size > LARGEST_CONFIGURATION:
            raise ModelRefused(code, f"{file.name} is too large")
        value = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelRefused(code, file.name) from error
    if not isinstance(value, dict):
        if of_any_kind:
            return {}
        raise ModelRefused(code, file.name)
    return value
