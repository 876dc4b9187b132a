"""How much a name keeps, how much it may keep, and what will go.

A repository or bucket uses the bytes of the distinct large objects that it holds, and a
repository also those of its git repository. It holds what any of its refs or files names,
and what was uploaded to it and not named yet. The same object in two repositories counts
in each of them. What a person offers to other people's repositories, and the pictures
in their comments, count as their own private storage.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, Max, Min, QuerySet, Sum
from django.utils import timezone

from accounts.models import Namespace
from hub.enums import Visibility
from hub.models import (
    Bucket,
    BucketObject,
    LargeObject,
    ReleasedObject,
    Repository,
    RepositoryObject,
    StorageLimit,
)

_FIELDS = ("public_bytes", "private_bytes", "repositories", "file_bytes", "repository_bytes")


@dataclass(frozen=True)
class Limits:
    """What a name may keep; 0 is no limit."""

    public_bytes: int
    private_bytes: int
    repositories: int
    file_bytes: int
    repository_bytes: int

    def of(self, visibility: str) -> int:
        return self.private_bytes if visibility == Visibility.PRIVATE else self.public_bytes


@dataclass(frozen=True)
class Usage:
    """What a name keeps, in bytes and in repositories and buckets."""

    public_bytes: int
    private_bytes: int
    repositories: int

    def of(self, visibility: str) -> int:
        return self.private_bytes if visibility == Visibility.PRIVATE else self.public_bytes


@dataclass(frozen=True)
class Reclaimable:
    """Bytes that go by themselves, and when: the first and the last of them."""

    bytes: int
    first: datetime | None
    last: datetime | None


def limits_of(namespace_id: int) -> Limits:
    """What staff allowed this name, else what the settings allow everybody."""
    given = StorageLimit.objects.filter(namespace_id=namespace_id).values(*_FIELDS).first() or {}
    defaults = {field: getattr(settings, f"LIMIT_{field.upper()}") for field in _FIELDS}
    return Limits(**{field: defaults[field] if given.get(field) is None else given[field] for field in _FIELDS})


# In the words of the database, because it is asked at every commit and upload, under a lock.
_USAGE = """
    SELECT coalesce(sum(bytes) FILTER (WHERE visibility = 'public'), 0)::bigint,
        coalesce(sum(bytes) FILTER (WHERE visibility = 'private'), 0)::bigint + (
            SELECT coalesce(sum(size), 0)::bigint FROM (
                SELECT user_id, object_id FROM hub_offeredobject
                UNION ALL SELECT uploaded_by_id, object_id FROM hub_attachment
            ) AS given
            JOIN hub_largeobject ON hub_largeobject.sha256 = given.object_id
            WHERE given.user_id = (SELECT user_id FROM accounts_namespace WHERE id = %(name)s)
        ),
        count(*)
    FROM (
        SELECT visibility, used_storage + git_size AS bytes FROM hub_repository WHERE namespace_id = %(name)s
        UNION ALL SELECT visibility, used_storage FROM hub_bucket WHERE namespace_id = %(name)s
    ) AS kept
"""


def usage_of(namespace_id: int) -> Usage:
    """Sums over what the name owns, plus what its person offered to others and put into comments."""
    with connection.cursor() as cursor:
        cursor.execute(_USAGE, {"name": namespace_id})
        return Usage(*cursor.fetchone())


def recount(home: Repository | Bucket) -> int:
    """Bytes of the distinct objects a repository or bucket holds, counted row by row."""
    objects = LargeObject.objects.all()
    if isinstance(home, Bucket):
        held = objects.filter(pk__in=BucketObject.objects.filter(bucket=home).values("object_id"))
    else:
        held = objects.filter(pk__in=RepositoryObject.objects.filter(repository=home).values("object_id"))
    return held.aggregate(total=Sum("size"))["total"] or 0


def unnamed_uploads(namespace: Namespace) -> Reclaimable:
    """Uploads that no commit and no file has named yet: they count until they go."""
    waiting = RepositoryObject.objects.filter(repository__namespace=namespace, committed_at__isnull=True)
    return _reclaimable(waiting, "object__size", "held_since", settings.SWEEP_UPLOADS_DAYS)


def released(namespace: Namespace) -> Reclaimable:
    """What was deleted: it counts no more, and leaves the disk on that date unless somebody else needs it."""
    rows = ReleasedObject.objects.filter(namespace=namespace, released_at__gt=_ago(settings.SWEEP_OBJECTS_DAYS))
    return _reclaimable(rows, "size", "released_at", settings.SWEEP_OBJECTS_DAYS)


def largest(namespace: Namespace, *, limit: int = 20) -> list[dict[str, Any]]:
    """The repositories and buckets that use most, first."""
    rows: list[dict[str, Any]] = [
        {"home": row, "kind": row.get_kind_display(), "storage": row.used_storage + row.git_size}
        for row in Repository.objects.select_related("namespace")
        .filter(namespace=namespace)
        .order_by((F("used_storage") + F("git_size")).desc(), "pk")[:limit]
    ]
    rows += [
        {"home": row, "kind": "", "storage": row.used_storage}
        for row in Bucket.objects.select_related("namespace")
        .filter(namespace=namespace)
        .order_by("-used_storage", "pk")[:limit]
    ]
    return sorted(rows, key=lambda row: -row["storage"])[:limit]


def _reclaimable(rows: QuerySet[Any], size: str, since: str, days: int) -> Reclaimable:
    found = rows.aggregate(total=Sum(size), first=Min(since), last=Max(since))
    if not found["total"]:
        return Reclaimable(0, None, None)
    grace = timedelta(days=days)
    return Reclaimable(found["total"], found["first"] + grace, found["last"] + grace)


def _ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def repositories_by_change(namespace: Namespace) -> QuerySet[Repository]:
    """All that lies under a name, the last changed first; who may see that has been checked."""
    return Repository.objects.select_related("namespace").filter(namespace=namespace).order_by("-updated_at", "-id")
