"""What the audit log does not show to a member of staff, said by rooms further right.

The log names who reviewed what, and what was decided. Whoever has a stake in it reads the pages instead.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Q

Hidden = Callable[[Any], Q]
_hidden: list[Hidden] = []


def hide(hidden: Hidden) -> None:
    """Register `hidden(user) -> Q` over the entries of the audit log that this user must not read."""
    if hidden not in _hidden:
        _hidden.append(hidden)


def hidden_from(user: Any) -> Q:
    """An empty condition, which matches everything, when nothing is hidden: ask `bool` before excluding."""
    found = Q()
    for hidden in _hidden:
        found |= hidden(user)
    return found
