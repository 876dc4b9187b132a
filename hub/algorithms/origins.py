"""What the files of a model say about the models it was made of: configurations of adapters and of merges.

Written by strangers, so read tolerantly; a name is believed to be one when it has the form owner/name.
"""

import json
import math
import re
from typing import Any

from hub.algorithms import cards
from hub.algorithms.provenance import Source

ADAPTER_FILE = "adapter_config.json"
MERGE_FILES = ("mergekit_config.yml", "mergekit_config.yaml", "merge_config.yml", "merge_config.yaml")
MAX_SOURCES = 50
_NAME = re.compile(r"(\w[\w.-]{0,95}/\w[\w.-]{0,95})(?:@([\w./-]{1,100}))?", re.ASCII)
_FINEST = 1000  # ratios are kept in thousandths


def of_adapter(text: str | None) -> tuple[Source, ...]:
    """The base model of a peft adapter."""
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return ()
    if not isinstance(value, dict):
        return ()
    name, _revision = _split(value.get("base_model_name_or_path"))
    revision = value.get("revision")
    return (Source(name, revision if isinstance(revision, str) else "", "adapter"),) if name else ()


def of_merge(text: str | None) -> tuple[Source, ...]:
    """The models of a mergekit configuration; their weights are the ratios, as the smallest whole numbers."""
    try:
        value = cards.read_block(text or "")
    except cards.CardUnreadable:
        return ()
    ratios: dict[tuple[str, str], float] = {}
    for model, ratio in _models(value):
        name, revision = _split(model)
        if name and len(ratios) < MAX_SOURCES:
            ratios[name, revision] = ratios.get((name, revision), 0) + ratio
    return tuple(
        Source(name, revision, "merge", weight)
        for (name, revision), weight in zip(ratios, _whole(list(ratios.values())), strict=True)
    )


def _models(value: dict[str, Any]) -> list[tuple[Any, float]]:
    """Every model that goes in, with its ratio: what is said of it, or 1 as mergekit has it; layers by their number."""
    found = [(entry.get("model"), _ratio(entry)) for entry in _entries(value.get("models"))]
    for piece in _entries(value.get("slices")):
        found += [(entry.get("model"), _layers(entry)) for entry in _entries(piece.get("sources"))]
    named = {_split(model)[0] for model, _ratio_of in found}
    base = value.get("base_model")
    return found if _split(base)[0] in named else [*found, (base, 1.0)]


def _entries(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value[:200] if isinstance(entry, dict)] if isinstance(value, list) else []


def _ratio(entry: dict[str, Any]) -> float:
    parameters = entry.get("parameters")
    weight = parameters.get("weight") if isinstance(parameters, dict) else None
    if isinstance(weight, list):
        numbers = [abs(one) for one in weight if _is_number(one)]
        weight = sum(numbers) / len(numbers) if numbers else None
    return abs(weight) if _is_number(weight) and weight else 1.0


def _layers(entry: dict[str, Any]) -> float:
    span = entry.get("layer_range")
    if isinstance(span, list) and len(span) == 2 and all(_is_number(one) for one in span) and span[1] > span[0]:
        return float(span[1] - span[0])
    return _ratio(entry)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6


def _split(model: Any) -> tuple[str, str]:
    """Name and revision; a LoRA that is merged into it (name+lora) is left aside."""
    if isinstance(model, dict):
        inner, revision = model.get("path"), model.get("revision")
        if isinstance(model.get("model"), dict):
            inner, revision = model["model"].get("path"), model["model"].get("revision")
        name, _none = _split(inner)
        return name, revision if isinstance(revision, str) else ""
    found = _NAME.fullmatch(model.partition("+")[0]) if isinstance(model, str) else None
    return (found[1], found[2] or "") if found else ("", "")


def _whole(ratios: list[float]) -> list[int]:
    total = sum(ratios)
    if not total:
        return []
    parts = [max(1, round(ratio / total * _FINEST)) for ratio in ratios]
    common = math.gcd(*parts)
    return [part // common for part in parts]
