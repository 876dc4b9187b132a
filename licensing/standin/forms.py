"""Form bodies and query strings with Stripe's brackets: `a[0][b]=c` becomes {"a": {"0": {"b": "c"}}}.

Which of these are lists, numbers or truth values only the types know; `schema.read_params` decides.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from .errors import ApiError

_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")


def decode(encoded: str) -> dict[str, Any]:
    """Nested dictionaries of strings; raises ApiError(400) for a name with broken brackets."""
    decoded: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        _put(decoded, _path(name), value, name)
    return decoded


def _path(name: str) -> list[str]:
    match = _NAME.match(name)
    if match is None:
        raise _unreadable(name)
    return [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]


def _put(decoded: dict[str, Any], path: list[str], value: str, name: str) -> None:
    branch = decoded
    for key in path[:-1]:
        branch = branch.setdefault(key or str(len(branch)), {})
        if not isinstance(branch, dict):
            raise _unreadable(name)
    last = path[-1] or str(len(branch))
    if last in branch:
        raise _unreadable(name)
    branch[last] = value


def _unreadable(name: str) -> ApiError:
    return ApiError(
        400,
        f"The parameter name '{name}' cannot be read: give each name once, with brackets in pairs.",
        code="parameter_unknown",
        param=name,
    )
