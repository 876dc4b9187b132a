"""What a model was made from and by whom, as the machine-readable file beside its weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "wellspring.json"


@dataclass(frozen=True)
class Credit:
    """A contributor by user name, and the role: a CRediT term or one of the hub's own."""

    user: str
    role: str


@dataclass(frozen=True)
class Source:
    """A data set or model on the hub, at the exact commit that was used."""

    id: str
    revision: str
    kind: str = ""  # of a base model: finetune, adapter, merge, distilled or quantized; empty: the hub decides


@dataclass(frozen=True)
class Lineage:
    datasets: Sequence[Source]
    base_models: Sequence[Source]
    recipe: str
    recipe_version: str
    credits: Sequence[Credit]
    metrics: Mapping[str, float]
    sampling: Mapping[str, float]  # the pipeline arguments with which it was measured


def write_lineage(folder: Path, lineage: Lineage) -> None:
    """Writes `wellspring.json`; the job's id comes from the JOB_ID of the environment."""
    facts = {**asdict(lineage), "job": os.environ.get("JOB_ID")}
    for source in (*facts["datasets"], *facts["base_models"]):
        if not source["kind"]:
            del source["kind"]
    (folder / FILE).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
