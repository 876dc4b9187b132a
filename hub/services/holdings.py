"""What repositories and buckets hold: the only writer of the reference tables and of the sums over them.

The sums change in the transaction that changes the rows, under the lock of the owner's
storage, so they are exact at every moment (docs/decisions/056). The rows of the objects
are locked too: an object that is being swept is not held, one that is held is not swept.
"""

from collections.abc import Collection, Iterable, Sequence

from django.db import connection, transaction
from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from common.errors import Conflict
from hub.models import (
    Attachment,
    Bucket,
    BucketFile,
    BucketObject,
    DeletedObject,
    LargeObject,
    OfferedObject,
    ReleasedObject,
    Repository,
    RepositoryObject,
)
from hub.selectors.storage import recount
from hub.services import quotas

_ROWS = 2000  # in one statement
_KEEP = "SELECT sha256 FROM hub_largeobject WHERE sha256 = ANY(%s) ORDER BY sha256 FOR KEY SHARE"


@transaction.atomic
def hold(repository: Repository, found: Iterable[LargeObject]) -> None:
    """A repository holds these objects from now on. Raises FileTooLarge, StorageFull.

    Objects that were swept meanwhile are left out; the commit that names them is refused.
    """
    by_digest = {one.pk: one for one in found}
    mine = RepositoryObject.objects.filter(repository=repository)
    again = set(mine.filter(object_id__in=by_digest).values_list("object_id", flat=True))
    if again:
        # Uploaded once more, so it is waited for anew.
        mine.filter(object_id__in=again, committed_at__isnull=True).update(held_since=timezone.now())
    if len(again) == len(by_digest):
        return
    quotas.lock_home(repository)
    kept = keep_rows(by_digest)
    again = set(mine.filter(object_id__in=kept).values_list("object_id", flat=True))
    fresh = [by_digest[digest] for digest in kept if digest not in again]
    added = sum(one.size for one in fresh)
    quotas.require_room(repository, added, files=(one.size for one in fresh))
    RepositoryObject.objects.bulk_create(
        [RepositoryObject(repository=repository, object=one) for one in fresh], batch_size=_ROWS
    )
    Repository.objects.filter(pk=repository.pk).update(used_storage=F("used_storage") + added)
    DeletedObject.objects.filter(repository=repository, sha256__in=[one.pk for one in fresh]).delete()
    _wake(fresh)


@transaction.atomic
def hold_in_bucket(bucket: Bucket, found: dict[str, LargeObject]) -> None:
    """A bucket holds these objects, by Xet hash. Raises FileTooLarge, StorageFull."""
    mine = BucketObject.objects.filter(bucket=bucket)
    again = set(mine.filter(xet_hash__in=found).values_list("xet_hash", flat=True))
    if again:
        mine.filter(xet_hash__in=again).update(held_since=timezone.now())
    if len(again) == len(found):
        return
    quotas.lock_home(bucket)
    kept = set(keep_rows({one.pk for one in found.values()}))
    again = set(mine.filter(xet_hash__in=found).values_list("xet_hash", flat=True))
    fresh = {name: one for name, one in found.items() if name not in again and one.pk in kept}
    counted = set(mine.filter(object__in=fresh.values()).values_list("object_id", flat=True))
    new = {one.pk: one for one in fresh.values() if one.pk not in counted}
    added = sum(one.size for one in new.values())
    quotas.require_room(bucket, added, files=(one.size for one in fresh.values()))
    BucketObject.objects.bulk_create(
        [BucketObject(bucket=bucket, xet_hash=name, object=one) for name, one in fresh.items()], batch_size=_ROWS
    )
    Bucket.objects.filter(pk=bucket.pk).update(used_storage=F("used_storage") + added)
    _wake(fresh.values())


@transaction.atomic
def offer(repository: Repository, found: Iterable[LargeObject], *, by: User) -> None:
    """Somebody who may not write there had these bytes. Raises FileTooLarge, StorageFull."""
    by_digest = {one.pk: one for one in found}
    mine = OfferedObject.objects.filter(repository=repository, user=by)
    quotas.lock_storage(by.namespace.pk)
    again = set(mine.filter(object_id__in=by_digest).values_list("object_id", flat=True))
    fresh = [by_digest[digest] for digest in keep_rows(by_digest) if digest not in again]
    if not fresh:
        return
    quotas.room_of(repository).require_files(one.size for one in fresh)
    quotas.require_offer(by.namespace.pk, sum(one.size for one in fresh))
    OfferedObject.objects.bulk_create(
        [OfferedObject(repository=repository, object=one, user=by) for one in fresh], batch_size=_ROWS
    )
    _wake(fresh)


@transaction.atomic
def attach(found: LargeObject, *, key: str, media_type: str, by: User) -> Attachment:
    """A picture for a comment counts for who uploaded it. Raises FileTooLarge, StorageFull."""
    quotas.require_offer(by.namespace.pk, found.size)
    if not keep_rows([found.pk]):
        raise Conflict(_("The picture was lost on the way."), hint=_("Upload it again."))
    made = Attachment.objects.create(key=key, object=found, media_type=media_type, uploaded_by=by)
    _wake([found])
    return made


@transaction.atomic
def detach(attachments: QuerySet[Attachment]) -> int:
    """These pictures are shown to nobody any more, and count no more. Gives their number."""
    rows = list(attachments.select_related("object"))
    Attachment.objects.filter(pk__in=[one.pk for one in rows]).delete()
    mark_idle([one.object for one in rows])
    return len(rows)


@transaction.atomic
def release(repository: Repository, digests: Collection[str]) -> int:
    """A repository holds these objects no more: they count for it no longer. Gives their bytes."""
    quotas.lock_home(repository)
    rows = RepositoryObject.objects.filter(repository=repository, object_id__in=digests)
    gone = [row.object for row in rows.select_related("object")]
    rows.delete()
    freed = sum(one.size for one in gone)
    Repository.objects.filter(pk=repository.pk).update(used_storage=F("used_storage") - freed)
    _let_go(repository, gone)
    return freed


@transaction.atomic
def release_from_bucket(bucket: Bucket, hashes: Collection[str]) -> int:
    """A bucket holds these objects (by Xet hash) no more, unless a file of it is made of them. Gives their bytes."""
    if not hashes:
        return 0
    quotas.lock_home(bucket)
    in_use = BucketFile.objects.filter(bucket=bucket, xet_hash__in=hashes).values("xet_hash")
    rows = BucketObject.objects.filter(bucket=bucket, xet_hash__in=hashes).exclude(xet_hash__in=in_use)
    gone = {row.object_id: row.object for row in rows.select_related("object")}
    rows.delete()
    left = set(BucketObject.objects.filter(bucket=bucket, object_id__in=gone).values_list("object_id", flat=True))
    freed = [one for pk, one in gone.items() if pk not in left]
    total = sum(one.size for one in freed)
    Bucket.objects.filter(pk=bucket.pk).update(used_storage=F("used_storage") - total)
    _let_go(bucket, freed)
    return total


@transaction.atomic
def release_all(home: Repository | Bucket) -> None:
    """All that a repository or bucket holds, before it is deleted."""
    if isinstance(home, Bucket):
        BucketFile.objects.filter(bucket=home).delete()
        release_from_bucket(home, list(home.objects_held.values_list("xet_hash", flat=True)))
        return
    detach(Attachment.objects.filter(event__discussion__repository=home))
    offered = list(LargeObject.objects.filter(offered_by__repository=home).distinct())
    OfferedObject.objects.filter(repository=home).delete()
    release(home, list(home.objects_held.values_list("object_id", flat=True)))
    mark_idle(offered)


@transaction.atomic
def withdraw(offers: Sequence[OfferedObject]) -> None:
    """Forget offers that no pull request took up."""
    OfferedObject.objects.filter(pk__in=[one.pk for one in offers]).delete()
    mark_idle([one.object for one in offers])


@transaction.atomic
def correct(home: Repository | Bucket) -> tuple[int, int]:
    """Set the sum right, if something other than this module changed the rows; gives it before and after."""
    quotas.lock_home(home)
    before = type(home).objects.values_list("used_storage", flat=True).get(pk=home.pk)
    after = recount(home)
    if before != after:
        type(home).objects.filter(pk=home.pk).update(used_storage=after)
    return before, after


def keep_rows(digests: Iterable[str]) -> list[str]:
    """Those of the objects that are there; none of them is swept before the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [list(digests)])
        return [digest for (digest,) in cursor.fetchall()]


def mark_idle(objects: Iterable[LargeObject]) -> None:
    """Those that nothing holds wait for the sweeper from now on."""
    idle = LargeObject.objects.filter(pk__in=[one.pk for one in objects], idle_since__isnull=True)
    idle.filter(unheld()).update(idle_since=timezone.now())


def unheld() -> Q:
    """Which objects nothing holds."""
    holders = ("held_by", "held_by_buckets", "offered_by", "in_files", "attached_as")
    return Q(**{f"{name}__isnull": True for name in holders})


def _wake(objects: Iterable[Model]) -> None:
    LargeObject.objects.filter(pk__in=[one.pk for one in objects], idle_since__isnull=False).update(idle_since=None)


def _let_go(home: Repository | Bucket, gone: Sequence[LargeObject]) -> None:
    ReleasedObject.objects.bulk_create(
        [
            ReleasedObject(namespace_id=home.namespace_id, home=str(home)[:150], sha256=one.pk, size=one.size)
            for one in gone
        ],
        batch_size=_ROWS,
    )
    mark_idle(gone)
