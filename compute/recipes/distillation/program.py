"""Distils by whichever method the configuration names."""

from __future__ import annotations

from pathlib import Path

from compute.recipes.distillation.add import run_add
from compute.recipes.distillation.config import Config
from compute.recipes.distillation.ladd import run_ladd
from compute.recipes.refusal import Refused
from compute.recipes.training.bases import family_of, look_up_base

KINDS = {"ladd": ("StableDiffusion3Pipeline", run_ladd), "add": ("StableDiffusionPipeline", run_add)}


def run(config: Config) -> Path:
    family, distil = KINDS[config.model.kind]
    if family_of(look_up_base(config.teacher, key="teacher")) != family:
        raise Refused(
            f"The kind {config.model.kind!r} distils a {family}. Choose another 'teacher.id' or 'model.kind'."
        )
    return distil(config)
