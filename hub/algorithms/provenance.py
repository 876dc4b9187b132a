"""`wellspring.json`: what a training job says about where its output came from.

Written by strangers, so read tolerantly: whatever has the wrong form is left out.
Form: docs/reference/wellspring-json.md.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from accounts.algorithms import orcid

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
    """Somebody by user name; or, with an empty one, by name and perhaps ORCID iD."""

    user: str
    roles: tuple[str, ...]
    points: int = 1
    name: str = ""
    orcid: str = ""


@dataclass(frozen=True)
class Provenance:
    datasets: tuple[Source, ...] = ()
    base_models: tuple[Source, ...] = ()
    credits: tuple[CreditClaim, ...] = ()
    recipe: str = ""
    recipe_version: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    # Whether the file speaks of sources at all; one that only lists people leaves them to the card.
    names_sources: bool = True


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
        names_sources=bool({"datasets", "base_models"} & value.keys()),
    )


def with_credits(text: str | None, claims: tuple[CreditClaim, ...]) -> str:
    """The file with other credits, everything else as it was. Raises ValueError when it is no JSON object."""
    value = json.loads(text) if text else {}
    if not isinstance(value, dict):
        raise ValueError("wellspring.json must hold an object.")  # noqa: TRY004 - as for what is no JSON at all
    value["credits"] = [_spelt(claim) for claim in claims]
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _spelt(claim: CreditClaim) -> dict[str, Any]:
    who = {"user": claim.user} if claim.user else {"name": claim.name, "orcid": claim.orcid}
    return {key: one for key, one in who.items() if one} | {"roles": list(claim.roles), "points": claim.points}


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
    claims: dict[tuple[str, str, str], CreditClaim] = {}
    for entry in _entries(value):
        user = _word(entry.get("user"))
        claim = CreditClaim(
            user=user,
            roles=_roles(entry.get("roles")),
            points=_positive(entry.get("points")),
            name="" if user else _word(entry.get("name")),
            orcid="" if user else orcid.normalised(_word(entry.get("orcid"))),
        )
        # The same ORCID iD is the same person, however the name is written.
        claims[user.lower(), claim.orcid, "" if claim.orcid else claim.name.lower()] = claim
    return tuple(claim for claim in claims.values() if claim.user or claim.name)


def _roles(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    words = [_word(role) for role in value if isinstance(role, str)]
    # The short word that was accepted before the roles of writing were told apart.
    return tuple(dict.fromkeys("writing-original-draft" if word == "writing" else word for word in words))


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
