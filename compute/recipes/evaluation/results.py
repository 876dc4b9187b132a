"""What was measured, as the hub's evaluation results on the model's card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard

from compute.recipes.lineage import Source
from compute.recipes.training.bases import LOCAL

RECIPE = "evaluation 1"
NAMES = {
    "fid": "Fréchet distance of pictures, features of {encoder}, not of Inception",
    "kid": "Kernel distance of pictures, features of {encoder}, not of Inception",
    "alignment": "Alignment of pictures with their texts, by {encoder}",
    "prompt_accuracy": "Colour and shape as asked, share of pictures",
    "pictures_per_second": "Pictures a second",
    "steps_per_second": "Steps a second",
    "seconds_to_first_picture": "Seconds to the first picture",
    "memory_mib": "Most memory, MiB",
}


@dataclass(frozen=True)
class Measured:
    """One number, on what it was measured, and what is told with it so that others may be compared."""

    name: str
    value: float
    on: Source
    told: Mapping[str, Any]


def shown(source: Source | None) -> str:
    """A model or data set by name and commit; a folder by its name alone."""
    if source is None:
        return ""
    return Path(source.id).name if source.revision == LOCAL else f"{source.id} at {source.revision[:12]}"


def as_results(measured: Sequence[Measured], *, encoder: Source | None) -> list[EvalResult]:
    return [
        EvalResult(
            task_type="text-to-image",
            dataset_type=one.on.id,
            dataset_name=one.on.id,
            dataset_revision=one.on.revision or None,
            metric_type=one.name,
            metric_name=NAMES[one.name].format(encoder=shown(encoder)),
            metric_value=float(f"{one.value:.6g}"),
            metric_args={"recipe": RECIPE, **one.told},
        )
        for one in measured
    ]


def with_results(card: str, results: Sequence[EvalResult], *, name: str) -> str:
    """The card with these results in place of older ones of the same metric on the same data set."""
    page: Any = ModelCard(card)
    new = {(each.dataset_type, each.metric_type, each.metric_name) for each in results}
    old = page.data.eval_results or []
    kept = [each for each in old if (each.dataset_type, each.metric_type, each.metric_name) not in new]
    page.data.eval_results = [*kept, *results]
    page.data.model_name = page.data.model_name or name
    return str(page)
