"""Distils by whichever method the configuration names."""

from __future__ import annotations

from pathlib import Path

from compute.recipes.distillation.add import run_add
from compute.recipes.distillation.config import Config
from compute.recipes.distillation.ladd import run_ladd

KINDS = {"ladd": run_ladd, "add": run_add}


def run(config: Config) -> Path:
    return KINDS[config.model.kind](config)
