"""`wellspring.json`: what a training job says about where its output came from.

Written by strangers, so read tolerantly: whatever has the wrong form is left out.
Form: docs/reference/wellspring-json.md.
"""

import json
from dataclasses import dataclass, field
from typing import Any

MAX_LENGTH = 256 * 1024
MAX_ENTRIES = 200


@dataclass(frozen=True)
class Source:
    """A repository that went in. `revision` is a full commit id, or empty when unknown."""

    repository: str
    revision: str
    kind: str
    weight: int = 1


@dataclass(frozen=True)
class CreditClaim:
    user: str
    roles: tuple[str, ...]
    points: int = 1


@dataclass(frozen=True)
class Provenance:
    datasets: tuple[Source, ...] = ()
    base_models: tuple[Source, ...] = ()
    credits: tuple[CreditClaim, ...] = ()
    recipe: str = ""
    recipe_version: str = ""
    metrics: dict[str, float] = field(default_factory=dict)


def parse(text: str | None) -> Provenance | None:
    """None when there is no such file or it is not a JSON object."""
    if text is None or len(text) > MAX_LENGTH:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return Provenance(
        datasets=_sources(value.get("datasets"), "dataset"),
        base_models=_sources(value.get("base_models"), "finetune"),
        credits=_credits(value.get("credits")),
        recipe=_word(value.get("recipe")),
        recipe_version=_word(value.get("recipe_version")),
        metrics=_metrics(value.get("metrics")),
    )


def _entries(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value[:MAX_ENTRIES] if isinstance(entry, dict)] if isinstance(value, list) else []


def _sources(value: Any, default_kind: str) -> tuple[Source, ...]:
    found = [
        Source(
            repository=_word(entry.get("id")),
            revision=_word(entry.get("revision")),
            kind=_word(entry.get("kind")) or default_kind,
            weight=_positive(entry.get("weight")),
        )
        for entry in _entries(value)
    ]
    return tuple(source for source in found if source.repository.count("/") == 1)


def _credits(value: Any) -> tuple[CreditClaim, ...]:
    claims = {
        _word(entry.get("user")).lower(): CreditClaim(
            user=_word(entry.get("user")),
            roles=tuple(dict.fromkeys(_word(role) for role in entry.get("roles") or [] if isinstance(role, str)))
            if isinstance(entry.get("roles"), list)
            else (),
            points=_positive(entry.get("points")),
        )
        for entry in _entries(value)
    }
    return tuple(claim for name, claim in claims.items() if name)


def _metrics(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        return {}
    numbers = {_storable(name)[:100]: number for name, number in list(value.items())[:MAX_ENTRIES]}
    return {
        name: number
        for name, number in numbers.items()
        if isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < 1e300
    }


def _word(value: Any) -> str:
    return _storable(str(value)).strip()[:200] if isinstance(value, str | int) else ""


def _storable(text: str) -> str:
    """Without NUL and halves of surrogate pairs, which JSON can spell and PostgreSQL cannot keep."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _positive(value: Any) -> int:
    """A weight from 1 to a million; 1 when it is anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 1_000_000 else 1
