"""Trains an adapter for whichever family the base model is of."""

from __future__ import annotations

from pathlib import Path

from compute.recipes.adapters.config import Config
from compute.recipes.adapters.flow import run_flow
from compute.recipes.adapters.stable import run_stable
from compute.recipes.refusal import Refused
from compute.recipes.training.bases import family_of, look_up_base

FAMILIES = {"StableDiffusionPipeline": run_stable, "StableDiffusion3Pipeline": run_flow}


def run(config: Config) -> Path:
    family = family_of(look_up_base(config.base, key="base"))
    if family not in FAMILIES:
        raise Refused(f"The base model is no {' or '.join(FAMILIES)}. Choose another 'base.id'.")
    return FAMILIES[family](config)
