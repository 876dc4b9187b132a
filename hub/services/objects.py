"""Large objects come in: by LFS as plain bytes, by Xet as shards.

The bytes are durable before the row is written, and the row before anything is
acknowledged. Everything here may be repeated.
"""

import hashlib
import io
from collections.abc import Iterable

from django.db import transaction

from accounts.principal import Principal
from hub import rules, stores
from hub.models import Bucket, LargeObject, Repository
from hub.services import holdings, quotas
from hub.storage.objects import Readable
from hub.storage.xet.recipes import XetFile


def receive(repository: Repository, sha256: str, size: int, source: Readable, *, by: Principal) -> LargeObject:
    """Store the bytes of one object and note who had them.

    Raises the store's DigestMismatch or TooLarge, StorageFull, FileTooLarge; then nothing is held.
    """
    quotas.require_room(repository, size, files=[size])
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


def keep_picture(data: bytes) -> LargeObject:
    """The bytes of a picture that this site drew itself, as an object that nothing holds yet."""
    sha256 = hashlib.sha256(data).hexdigest()
    stores.plain_objects().put(io.BytesIO(data), sha256, size=len(data))
    return _row(sha256, len(data), is_plain=True)


@transaction.atomic
def hold_plain(repository: Repository, sha256: str, size: int, *, by: Principal) -> LargeObject:
    """The bytes are in the plain store, and came from this person."""
    found = _row(sha256, size, is_plain=True)
    keep(repository, [found], by=by)
    return found


@transaction.atomic
def hold_xet(home: Repository | Bucket, files: Iterable[XetFile], *, by: Principal) -> None:
    """These files were verified from a shard that this person sent. Raises StorageFull, FileTooLarge."""
    named = {file.hash: file for file in files}
    # In one order for everybody, so that no two wait for each other.
    rows = sorted(named.values(), key=lambda file: file.sha256)
    found = {file.hash: _row(file.sha256, file.size, xet_hash=file.hash) for file in rows}
    if isinstance(home, Bucket):
        holdings.hold_in_bucket(home, found)
    else:
        keep(home, found.values(), by=by)


def keep(repository: Repository, found: Iterable[LargeObject], *, by: Principal) -> None:
    """A person had these bytes: the repository holds them if they may write to it, else they are offered."""
    if rules.may_write(by, repository):
        holdings.hold(repository, found)
        return
    assert by.user is not None
    holdings.offer(repository, found, by=by.user)


def _row(sha256: str, size: int, *, is_plain: bool = False, xet_hash: str = "") -> LargeObject:
    """The row of an object whose bytes have just arrived, held back from the sweeper; it knows of this form too."""
    for _attempt in range(3):
        found, _created = LargeObject.objects.get_or_create(
            sha256=sha256, defaults={"size": size, "is_plain": is_plain, "xet_hash": xet_hash}
        )
        if holdings.keep_rows([sha256]):
            break  # else it was swept between two statements: write it anew
    if is_plain and not found.is_plain:
        LargeObject.objects.filter(pk=sha256).update(is_plain=True)
    if xet_hash and not found.xet_hash:
        LargeObject.objects.filter(pk=sha256, xet_hash="").update(xet_hash=xet_hash)
    return found
