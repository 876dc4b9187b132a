"""Inside the worker: where in the image is what the words name. What is found is kept as the mask."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from inference.algorithms import uploads
from inference.enums import GenerationState
from inference.models import Generation, InputImage
from inference.selectors.files import content_of
from inference.services import inputs

if TYPE_CHECKING:
    from inference.engine.finder import Finder

_lock = threading.Lock()
_finder: "Finder | None" = None


class NothingFound(Exception):
    """The image does not show what was searched for."""


def find_mask(generation: Generation, token: str | None) -> bool:
    """Find it, and give the generation its mask; False when the attempt is no longer current.

    Raises NothingFound, and what the engine's finder raises.
    """
    from inference.engine.requests import ModelKey  # noqa: PLC0415 - slow import: torch belongs to workers only

    used = generation.finder
    assert generation.image is not None
    assert used.repository is not None
    image = uploads.opened(content_of(generation.image.path))
    key = ModelKey(used.repository.full_name, used.commit)
    mask = the_finder().find(key, image, generation.search, token=token)
    if mask is None:
        raise NothingFound
    kept = inputs.keep_found(uploads.grown(mask, used.grow_mask), owner=generation.owner)
    return _give(generation, kept)


def _give(generation: Generation, mask: InputImage) -> bool:
    """In one statement, as a heartbeat writes."""
    mine = Generation.objects.filter(pk=generation.pk, attempt=generation.attempt, state=GenerationState.RUNNING)
    generation.mask = mask
    return bool(mine.update(mask=mask))


def the_finder() -> "Finder":
    """This process's, made when first needed."""
    global _finder  # noqa: PLW0603 - one per process is the point
    with _lock:
        if _finder is None:
            from inference.engine.downloads import Downloads  # noqa: PLC0415 - slow import
            from inference.engine.engine import best_device  # noqa: PLC0415
            from inference.engine.finder import FINDER_FILES, Finder  # noqa: PLC0415

            folder = Path(settings.MODELS_ROOT) / "finders"
            downloads = Downloads(folder, endpoint=settings.BASE_URL, files=FINDER_FILES)
            device = best_device() if settings.ENGINE_DEVICE == "auto" else settings.ENGINE_DEVICE
            _finder = Finder(downloads, device=device, max_bytes=settings.FINDER_MEMORY)
        return _finder
