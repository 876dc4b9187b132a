"""The object stores of this site, opened where the settings say.

Objects are files, or lie in a bucket. With both at hand new objects go to the one that
`OBJECT_STORE` names, and those of the other are still found.
"""

import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from hub.models import LargeObject
from hub.storage.layered import LayeredObjects, LayeredRecords
from hub.storage.moving import Shelf
from hub.storage.objects import LocalObjects, ObjectStore
from hub.storage.records import LocalRecords, Records
from hub.storage.s3.bucket import Bucket, Place, trash_key
from hub.storage.s3.objects import S3Objects
from hub.storage.s3.records import S3Records
from hub.storage.s3.uploads import S3Uploads
from hub.storage.uploads import PartialUploads, Uploads
from hub.storage.xet.cas import XetStore
from hub.viewer.asking import Source


def plain_objects() -> ObjectStore:
    """Objects by sha256, as they are."""
    return _stores(_where()).plain


def partial_uploads() -> Uploads:
    """Uploads that are not objects yet, close to where they become some."""
    return _stores(_where()).uploads


def xet_store() -> XetStore:
    """Xorbs and the files made of them. One instance a process: it caches indexes."""
    return _stores(_where()).xet


def files() -> Shelf:
    """Everything that lies in files, for moving it."""
    return _files(settings.OBJECTS_ROOT)


def bucket() -> Shelf | None:
    """Everything that lies in the bucket; None when no bucket is set."""
    where = _where()
    return None if where.place is None else _bucket(where, where.place)


def empty_trash(trash: Path) -> None:
    """Remove for good what lies in a folder of the trash, on disk and in the bucket."""
    shutil.rmtree(trash, ignore_errors=True)
    place = _where().place
    if place is not None:
        connection = _connection(place)
        for item in list(connection.items(trash_key(trash))):
            connection.delete(item.key)


@dataclass(frozen=True)
class _Where:
    """What the settings say."""

    root: Path
    place: Place | None
    is_bucket_first: bool
    is_linked: bool


@dataclass(frozen=True)
class _Stores:
    plain: ObjectStore
    uploads: Uploads
    xet: XetStore


def _where() -> _Where:
    is_first = settings.OBJECT_STORE == "s3"
    return _Where(settings.OBJECTS_ROOT, _place() if settings.S3_ENDPOINT else None, is_first, not settings.S3_PROXY)


def _place() -> Place:
    prefix = settings.S3_PREFIX.strip("/")
    return Place(
        endpoint=settings.S3_ENDPOINT,
        bucket=settings.S3_BUCKET,
        region=settings.S3_REGION,
        access_key=settings.S3_ACCESS_KEY,
        secret_key=settings.S3_SECRET_KEY,
        public_endpoint=settings.S3_PUBLIC_ENDPOINT,
        prefix=f"{prefix}/" if prefix else "",
    )


@lru_cache(maxsize=8)
def _stores(where: _Where) -> _Stores:
    local = _files(where.root)
    uploads: Uploads = PartialUploads(where.root / "uploads")
    shelf = local
    if where.place is not None:
        remote = _bucket(where, where.place)
        shelf = _layered(remote, local) if where.is_bucket_first else _layered(local, remote)
        if where.is_bucket_first:
            uploads = _uploads(where, where.place)
    xet = XetStore(where.root / "xet", shelf.xorbs, indexes=shelf.indexes, recipes=shelf.recipes)
    return _Stores(shelf.plain, uploads, xet)


def _layered(first: Shelf, other: Shelf) -> Shelf:
    return Shelf(
        LayeredObjects(first.plain, other.plain),
        LayeredObjects(first.xorbs, other.xorbs),
        LayeredRecords(first.indexes, other.indexes),
        LayeredRecords(first.recipes, other.recipes),
    )


def _files(root: Path) -> Shelf:
    xet = root / "xet"
    indexes: Records = LocalRecords(xet / "indexes")
    return Shelf(LocalObjects(root / "plain"), LocalObjects(xet / "xorbs"), indexes, LocalRecords(xet / "files"))


def _bucket(where: _Where, place: Place) -> Shelf:
    connection = _connection(place)
    xorbs = S3Objects(connection, "xorbs", where.root / "spool", is_linked=where.is_linked)
    return Shelf(_plain(where, place), xorbs, S3Records(connection, "indexes"), S3Records(connection, "files"))


def _plain(where: _Where, place: Place) -> S3Objects:
    return S3Objects(_connection(place), "plain", where.root / "spool", is_linked=where.is_linked)


def _uploads(where: _Where, place: Place) -> S3Uploads:
    objects = _plain(where, place)
    return S3Uploads(_connection(place), objects, where.root / "spool", is_linked=where.is_linked)


@lru_cache(maxsize=8)
def _connection(place: Place) -> Bucket:
    return Bucket(place)


def viewer_files() -> LocalObjects:
    """Pages of rows, thumbnails and converted tables of the data-set viewer; all of it can be made again."""
    return _viewer(settings.VIEWER_ROOT)


def source_of(found: LargeObject) -> Source:
    """An object for readers by range, wherever it lies."""
    if found.is_plain:
        return stored_source(plain_objects(), found.sha256, found.size)
    store = xet_store()
    return Source(found.size, lambda start, length: b"".join(store.read_file(found.xet_hash, start, length)))


def stored_source(store: ObjectStore, name: str, size: int) -> Source:
    """What lies in a store under its own name, for readers by range."""

    def read(start: int, length: int) -> bytes:
        blocks = []
        with store.open(name, start, length) as file:
            while length > 0 and (block := file.read(length)):
                blocks.append(block)
                length -= len(block)
        return b"".join(blocks)

    return Source(size, read)


@lru_cache(maxsize=4)
def _viewer(root: Path) -> LocalObjects:
    return LocalObjects(root)
