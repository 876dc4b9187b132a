"""Sharing whole units so that nothing is created or lost."""

import hashlib
from collections.abc import Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def largest_remainder(total: int, weights: Mapping[Key, int]) -> dict[Key, int]:
    """Share `total` by weight (Hamilton's method): the parts sum to it, each within one unit of exact.

    Independent of the order of keys; ties go by the SHA-256 of the key. A negative total
    gives the mirror of the positive one. Raises ValueError for negative weights, and when
    there is something to share but no weight.
    """
    if total < 0:
        return {key: -part for key, part in largest_remainder(-total, weights).items()}
    whole = sum(weights.values())
    if any(weight < 0 for weight in weights.values()):
        raise ValueError("Weights must not be negative.")
    if whole == 0:
        if total:
            raise ValueError("Nothing has any weight.")
        return dict.fromkeys(weights, 0)
    parts = {key: total * weight // whole for key, weight in weights.items()}
    missing = total - sum(parts.values())
    if missing:
        for key in sorted(weights, key=lambda key: (-(total * weights[key] % whole), tie_break(key)))[:missing]:
            parts[key] += 1
    return parts


def tie_break(key: Hashable) -> bytes:
    """An order that nobody can choose and everybody can check. Parts of a tuple are joined by `|`."""
    text = "|".join(str(part) for part in key) if isinstance(key, tuple) else str(key)
    return hashlib.sha256(text.encode()).digest()
