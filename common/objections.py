"""What rooms further right may object to, before a room further left does it: the hub deletes no model that
somebody has paid for, and need not know that licences exist."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

Objector = Callable[..., None]
_objectors: dict[str, list[Objector]] = defaultdict(list)


def listen(act: str, objector: Objector) -> None:
    """Register `objector(**facts)`, which raises a Refusal when the act must not be done."""
    if objector not in _objectors[act]:
        _objectors[act].append(objector)


def ask(act: str, **facts: Any) -> None:
    """In the transaction of the act, when it is locked and permitted. Raises the first Refusal."""
    for objector in _objectors[act]:
        objector(**facts)
