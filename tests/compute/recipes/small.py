"""Configurations of all recipes so small that each trains for real in seconds, and what is asked of all."""

import json

import numpy as np
import torch

from compute.recipes.configuration import build

LOOP = {"threads": 1, "device": "cpu", "log_every": 5, "checkpoint_every": 1000, "warmup": 0.1, "ema": 0.9}

TUNED = {"training": {"steps": 40, "batch": 8, "learning_rate": 3e-3}, "sampling": {"steps": 2}}


def configured(kind, data, output, **sections):
    """The configuration `kind` of a recipe, with sections as keyword arguments."""
    plain = {
        "seed": 5,
        "output": str(output),
        "credits": [{"user": "maker", "roles": ["methodology"]}],
        "dataset": {"path": str(data), **sections.pop("dataset", {})},
        "training": {**LOOP, **sections.pop("training", {})},
        "publish": {"title": "Tiny", **sections.pop("publish", {})},
    }
    return build(kind, plain | sections)


def events(folder, kind):
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [event for event in lines if event["event"] == kind]


def metric(folder, name):
    """Before and after training."""
    values = [event["value"] for event in events(folder, "metric") if event["name"] == name]
    return values[0], values[-1]


def drawn(pipeline, *arguments, **options):
    pipeline.set_progress_bar_config(disable=True)
    picture = pipeline(*arguments, generator=torch.Generator().manual_seed(4), output_type="np", **options).images[0]
    return np.asarray(picture)
