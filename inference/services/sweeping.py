"""Files that no row names: of workers that were killed between the file and the row, and of what was deleted since.

What is younger than GRACE is left alone: its row may still be on its way. Copies can be made again at any time and
go by their age alone. Names that are none of ours stay.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings

from common.services import audit
from inference.enums import GenerationState
from inference.models import Generation, InputImage, Picture
from inference.services.inputs import forget_file

GRACE = timedelta(days=1)
COPIES_STAY = timedelta(days=7)
BATCH = 500
_NAME = re.compile(r"[0-9a-f]{24}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Kind:
    """`places` is a pattern below PICTURES_ROOT; `needed` says which of these names a row names."""

    places: str
    needed: Callable[[set[str]], set[str]]
    stays: timedelta = GRACE


def _of_pictures(names: set[str]) -> set[str]:
    return set(Picture.objects.filter(pk__in=names).values_list("pk", flat=True))


def _of_inputs(names: set[str]) -> set[str]:
    return set(InputImage.objects.filter(sha256__in=names).values_list("sha256", flat=True))


def _of_previews(names: set[str]) -> set[str]:
    running = Generation.objects.filter(pk__in=names, state=GenerationState.RUNNING)
    return set(running.values_list("pk", flat=True))


KINDS = {
    "pictures": Kind("[0-9a-f][0-9a-f]/*", _of_pictures),
    "inputs": Kind("inputs/*/*", _of_inputs),
    "previews": Kind("previews/*", _of_previews),
    "copies": Kind("copies/*/*", lambda _names: set(), COPIES_STAY),
}


@dataclass
class Found:
    number: int = 0
    size: int = 0


def sweep(*, delete: bool) -> dict[str, Found]:
    """What of each kind nobody needs; with `delete` it is gone."""
    counts = {name: Found() for name in KINDS}
    for name, kind in KINDS.items():
        for path, size in _unneeded(kind):
            if not delete or _is_gone(path, name):
                counts[name].number += 1
                counts[name].size += size
    if delete and any(found.number for found in counts.values()):
        audit.record("pictures.swept", "site", **{name: vars(found) for name, found in counts.items()})
    return counts


def _unneeded(kind: Kind) -> Iterator[tuple[Path, int]]:
    old = iter(_old(kind))
    while files := list(islice(old, BATCH)):
        needed = kind.needed({_name(path) for path, _size in files})
        # What is half written is never read, whatever row there is.
        yield from (one for one in files if _name(one[0]) not in needed or one[0].suffix == ".part")


def _old(kind: Kind) -> Iterable[tuple[Path, int]]:
    before = time.time() - kind.stays.total_seconds()
    for path in Path(settings.PICTURES_ROOT).glob(kind.places):
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file() and facts.st_mtime < before and _NAME.fullmatch(_name(path)):
            yield path, facts.st_size


def _name(path: Path) -> str:
    return path.name.partition(".")[0]


def _is_gone(path: Path, kind: str) -> bool:
    if kind == "inputs" and path.suffix != ".part":
        return forget_file(path, _name(path))
    path.unlink(missing_ok=True)
    return True
