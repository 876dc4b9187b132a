"""Places in a page that rooms further right may fill, so that a page of the hub can show
a licence panel without the hub knowing that licences exist."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

Filler = Callable[..., str]
_fillers: dict[str, list[tuple[int, Filler]]] = defaultdict(list)


def fill(slot: str, filler: Filler, *, order: int = 50) -> None:
    """Register `filler(request, **context) -> safe HTML` (or "" for nothing here)."""
    if all(known is not filler for _order, known in _fillers[slot]):
        _fillers[slot].append((order, filler))
        _fillers[slot].sort(key=lambda entry: entry[0])


def render(slot: str, request: HttpRequest, **context: Any) -> SafeString:
    parts = [filler(request, **context) for _order, filler in _fillers[slot]]
    return mark_safe("".join(parts))  # noqa: S308 - fillers render templates, which escape
