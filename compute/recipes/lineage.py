"""What a model was made from and by whom, as the machine-readable file beside its weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from compute.recipes.refusal import Refused

FILE = "wellspring.json"

# Those of CRediT, ANSI/NISO Z39.104-2022, as the hub spells them.
Role = Literal[
    "conceptualization", "data-curation", "formal-analysis", "funding-acquisition", "investigation", "methodology",
    "project-administration", "resources", "software", "supervision", "validation", "visualization",
    "writing-original-draft", "writing-review-editing",
]  # fmt: skip


@dataclass(frozen=True)
class Credit:
    """A contributor by `user` name, or from outside by `name`; `points` divide the model's share."""

    user: str = ""
    name: str = ""
    orcid: str = ""
    roles: tuple[Role, ...] = ()
    points: int = 1

    @property
    def plain(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value}

    def __str__(self) -> str:
        return f"{self.user or self.name}: {', '.join(self.roles)}" if self.roles else self.user or self.name


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


def require_credits(contributors: Sequence[Credit]) -> None:
    """Raises Refused for somebody without a name, and for points that divide nothing."""
    for credit in contributors:
        if bool(credit.user) == bool(credit.name):
            raise Refused("Each of 'credits' names exactly one of 'user' (here) and 'name' (from outside).")
        if credit.points < 1:
            raise Refused(f"'credits' gives {credit.user or credit.name} {credit.points} points. Give 1 or more.")


def write_lineage(folder: Path, lineage: Lineage) -> None:
    """Writes `wellspring.json`; the job's id comes from the JOB_ID of the environment."""
    facts = {**asdict(lineage), "job": os.environ.get("JOB_ID")}
    facts["credits"] = [credit.plain for credit in lineage.credits]
    for source in (*facts["datasets"], *facts["base_models"]):
        if not source["kind"]:
            del source["kind"]
    (folder / FILE).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
