"""The object stores of this site, opened where the settings say."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from hub.storage.objects import LocalObjects
from hub.storage.uploads import PartialUploads
from hub.storage.xet.cas import XetStore


def plain_objects() -> LocalObjects:
    """Objects by sha256, as they are."""
    return _plain(settings.OBJECTS_ROOT)


def partial_uploads() -> PartialUploads:
    """Uploads in parts, on the same file system as the objects they become."""
    return PartialUploads(settings.OBJECTS_ROOT / "uploads")


def xet_store() -> XetStore:
    """Xorbs and the files made of them. One instance a process: it caches indexes."""
    return _xet(settings.OBJECTS_ROOT)


@lru_cache(maxsize=4)
def _plain(root: Path) -> LocalObjects:
    return LocalObjects(root / "plain")


@lru_cache(maxsize=4)
def _xet(root: Path) -> XetStore:
    return XetStore(root / "xet")
