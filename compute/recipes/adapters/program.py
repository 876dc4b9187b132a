"""Trains an adapter for whichever family the base model is of."""

from __future__ import annotations

import json
from pathlib import Path

from compute.recipes.adapters.config import Config
from compute.recipes.adapters.flow import run_flow
from compute.recipes.adapters.stable import run_stable
from compute.recipes.refusal import Refused
from compute.recipes.training.bases import folder_of, look_up_base

FAMILIES = {"StableDiffusionPipeline": run_stable, "StableDiffusion3Pipeline": run_flow}


def run(config: Config) -> Path:
    index = folder_of(look_up_base(config.base, key="base")) / "model_index.json"
    family = json.loads(index.read_text(encoding="utf-8")).get("_class_name") if index.exists() else None
    if family not in FAMILIES:
        raise Refused(f"The base model is no {' or '.join(FAMILIES)}. Choose another 'base.id'.")
    return FAMILIES[family](config)
