"""Moving large files between the file system and the bucket (docs/how-to/objects-on-s3.md)."""

from collections.abc import Iterator

from django.conf import settings

from hub import stores
from hub.storage.moving import Step, copy_all


def receives_new(to: str) -> bool:
    """Whether new objects go there already; else the move would never end."""
    return to == settings.OBJECT_STORE


def move(to: str, *, remove: bool = False) -> Iterator[Step]:
    """Copy everything to "s3" or "files", one thing after the other. Damaged things stay where they are."""
    files, bucket = stores.files(), stores.bucket()
    assert bucket is not None
    source, target = (files, bucket) if to == "s3" else (bucket, files)
    return copy_all(source, target, remove=remove)
