"""Large objects come in: by LFS as plain bytes, by Xet as shards.

The bytes are durable before the row is written, and the row before anything is
acknowledged. Everything here may be repeated.
"""

from collections.abc import Iterable

from django.db import transaction

from accounts.principal import Principal
from hub import rules, stores
from hub.models import Bucket, BucketObject, LargeObject, OfferedObject, Repository, RepositoryObject
from hub.storage.objects import Readable
from hub.storage.xet.recipes import XetFile


def receive(repository: Repository, sha256: str, size: int, source: Readable, *, by: Principal) -> LargeObject:
    """Store the bytes of one object and note who had them.

    Raises the store's DigestMismatch or TooLarge; then nothing is kept.
    """
    stores.plain_objects().put(source, sha256, size=size)
    return hold_plain(repository, sha256, size, by=by)


def complete_upload(repository: Repository, key: str, sha256: str, *, by: Principal) -> LargeObject:
    """Turn what arrived into an object. Raises UploadIncomplete, DigestMismatch, ObjectMissing."""
    uploads = stores.partial_uploads()
    size = uploads.complete(key, sha256, stores.plain_objects())
    found = hold_plain(repository, sha256, size, by=by)
    # Only now: if this process dies before, the next attempt finds what arrived.
    uploads.abort(key)
    return found


@transaction.atomic
def hold_plain(repository: Repository, sha256: str, size: int, *, by: Principal) -> LargeObject:
    """The bytes are in the plain store, and came from this person."""
    found, _created = LargeObject.objects.get_or_create(sha256=sha256, defaults={"size": size, "is_plain": True})
    if not found.is_plain:
        LargeObject.objects.filter(pk=sha256).update(is_plain=True)
    keep(repository, [found], by=by)
    return found


@transaction.atomic
def hold_xet(home: Repository | Bucket, files: Iterable[XetFile], *, by: Principal) -> None:
    """These files were verified from a shard that this person sent."""
    for file in files:
        found, _created = LargeObject.objects.get_or_create(
            sha256=file.sha256, defaults={"size": file.size, "xet_hash": file.hash}
        )
        if not found.xet_hash:
            LargeObject.objects.filter(pk=file.sha256, xet_hash="").update(xet_hash=file.hash)
        if isinstance(home, Bucket):
            BucketObject.objects.get_or_create(bucket=home, xet_hash=file.hash, defaults={"object": found})
        else:
            keep(home, [found], by=by)


def keep(repository: Repository, found: Iterable[LargeObject], *, by: Principal) -> None:
    """A person had these bytes: the repository holds them if they may write to it, else they are offered."""
    if rules.may_write(by, repository):
        share(repository, found)
        return
    rows = [OfferedObject(repository=repository, object=one, user=by.user) for one in found]
    OfferedObject.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)


def share(repository: Repository, found: Iterable[LargeObject]) -> None:
    """Let a repository hold objects that its author could read elsewhere."""
    rows = [RepositoryObject(repository=repository, object=one) for one in found]
    RepositoryObject.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)
