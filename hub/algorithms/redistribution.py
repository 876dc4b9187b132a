"""May what is under this licence be offered here too? The rule that imports follow (docs/reference/imports.md).

It is about passing on unchanged copies together with their licence, nothing else: terms that forbid
commerce or changes, or ask for a notice, bind whoever uses the copy, as they do at the source.
"""

from enum import Enum

from hub.algorithms.licences import LICENCES

_UNCLEAR = frozenset({"", "unknown", "other", "cc", "h-research", "intel-research", "apple-amlr"})
_FORBIDDEN = frozenset(
    {"all-rights-reserved", "proprietary", "confidential", "no-redistribution", "non-redistributable", "internal"}
)


class Redistribution(Enum):
    """What the licence says about copies."""

    ALLOWED = "allowed"
    UNCLEAR = "unclear"
    FORBIDDEN = "forbidden"


def redistribution(names: list[str]) -> Redistribution:
    """Of several licences the strictest counts; without any it is unclear."""
    found = {_of_one(name.strip().lower()) for name in names} or {Redistribution.UNCLEAR}
    for verdict in (Redistribution.FORBIDDEN, Redistribution.UNCLEAR):
        if verdict in found:
            return verdict
    return Redistribution.ALLOWED


def licences_of(info: dict[str, object]) -> list[str]:
    """The licences that the source's card names, or its tags where it tells no card."""
    card = info.get("cardData")
    named = card.get("license") if isinstance(card, dict) else None
    if isinstance(card, dict) and named == "other" and isinstance(card.get("license_name"), str):
        name = card["license_name"].strip().lower()
        named = name if name in _FORBIDDEN else "other"
    if named is None:
        tags = info.get("tags")
        texts = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
        named = [tag.removeprefix("license:") for tag in texts if tag.startswith("license:")]
    values = named if isinstance(named, list) else [named]
    return [value[:100] for value in values if isinstance(value, str)]


def _of_one(name: str) -> Redistribution:
    if name in _FORBIDDEN:
        return Redistribution.FORBIDDEN
    if name in _UNCLEAR or name not in LICENCES:
        return Redistribution.UNCLEAR
    return Redistribution.ALLOWED
