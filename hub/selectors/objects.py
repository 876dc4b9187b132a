"""Which large objects a person may read or need not upload again."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.principal import Principal
from accounts.rules import may_write_namespace
from common.compiled import Compiled
from hub.models import (
    Block,
    Bucket,
    BucketFile,
    BucketObject,
    DeletedObject,
    LargeObject,
    OfferedObject,
    Repository,
    RepositoryObject,
)
from hub.selectors.access import contents_open_to

_held = Compiled(
    lambda repository, sha256: RepositoryObject.objects.select_related("object").filter(
        repository=repository, object_id=sha256
    ),
    int,
    str,
)


def object_of_digest(sha256: str) -> LargeObject | None:
    """The object, wherever it belongs: for links that were signed after the asker's rights were checked."""
    return LargeObject.objects.filter(pk=sha256).first()


def readable_object(principal: Principal, repository: Repository, sha256: str) -> LargeObject | None:
    """An object of this repository: committed, or for writers also just uploaded.

    The caller has checked that the principal may read the repository.
    """
    held = next(iter(_held(repository.pk, sha256)), None)
    if held is None or (held.committed_at is None and not _may_write(principal, repository)):
        return None
    return held.object


def held_objects(principal: Principal, repository: Repository, digests: Iterable[str]) -> dict[str, LargeObject]:
    """Those that this person need not upload, because they had the bytes or may read them.

    That is: what the repository holds (for those who may not write to it, only what was
    committed), what they offered to it themselves, and what they may read elsewhere.
    """
    wanted = set(digests)
    rows = RepositoryObject.objects.select_related("object").filter(object_id__in=wanted)
    own = rows.filter(repository=repository)
    if not _may_write(principal, repository):
        own = own.filter(committed_at__isnull=False)
    found = {row.object_id: row.object for row in own}
    if len(found) < len(wanted) and principal.user is not None:
        offered = OfferedObject.objects.select_related("object").filter(
            repository=repository, user=principal.user, object_id__in=wanted
        )
        found = {row.object_id: row.object for row in offered} | found
    if len(found) < len(wanted):
        readable = _given_out(rows).filter(repository__in=contents_open_to(principal))
        found = {row.object_id: row.object for row in readable} | found
    return found


def committed_objects(repository: Repository, digests: Iterable[str]) -> dict[str, LargeObject]:
    """Those of the objects that a commit of this repository names: what its readers may have."""
    rows = RepositoryObject.objects.select_related("object").filter(repository=repository, object_id__in=set(digests))
    return {row.object_id: row.object for row in _given_out(rows)}


def _given_out(rows: QuerySet[RepositoryObject]) -> QuerySet[RepositoryObject]:
    """Committed, and not blocked by a report there or everywhere: what may be copied from one place to another."""
    blocks = Block.objects.filter(lifted_at=None, content=OuterRef("object_id"))
    blocked = blocks.filter(Q(is_everywhere=True) | Q(repository=OuterRef("repository")))
    return rows.filter(~Exists(blocked), committed_at__isnull=False)


def missing_content(repository: Repository, sha256: str) -> str:
    """Why there is a pointer to this object and no content."""
    gone = DeletedObject.objects.filter(repository=repository, sha256=sha256).first()
    if gone is None:
        return "This repository has no such object: its content was never uploaded."
    return f"The content of this file was deleted for good on {gone.deleted_at:%Y-%m-%d} by its owner."


def readable_by_xet(home: Repository | Bucket, xet_hash: str, *, by_writer: bool) -> LargeObject | None:
    """An object of this repository or bucket by its Xet hash; what is not in use yet is for writers.

    The caller has checked that the person may read there.
    """
    if isinstance(home, Bucket):
        rows = BucketObject.objects.select_related("object").filter(bucket=home, xet_hash=xet_hash)
        if not by_writer:
            rows = rows.filter(
                xet_hash__in=BucketFile.objects.filter(bucket=home, xet_hash=xet_hash).values("xet_hash")
            )
        held = rows.first()
        return held.object if held is not None else None
    mine = RepositoryObject.objects.select_related("object").filter(repository=home, object__xet_hash=xet_hash).first()
    if mine is None or (mine.committed_at is None and not by_writer):
        return None
    return mine.object


def _may_write(principal: Principal, repository: Repository) -> bool:
    return may_write_namespace(principal, repository.namespace, repository=repository.reference)
