"""Which buckets a person sees, and what lies in them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from accounts.enums import Permission
from accounts.models import Namespace
from accounts.principal import Principal
from accounts.rules import may_read_namespace
from accounts.selectors import reachable_namespaces
from hub.enums import RepositoryKind, Visibility
from hub.errors import EntryNotFound, Refusal, RepositoryNotFound
from hub.models import Bucket, BucketFile, BucketObject, LargeObject, RepositoryObject
from hub.selectors.access import require_contents
from hub.selectors.repositories import repository_for, singles

# Where a folder begins and where what follows it begins: "/" is followed by "0" in ASCII.
_INSIDE, _BEHIND = "/", "0"
# Paths hold no control characters, so this comes right behind a file's own path.
_NEXT = "\x01"

_ONE_LEVEL = """
WITH RECURSIVE level(path) AS (
  (SELECT path FROM hub_bucketfile
   WHERE bucket_id = %(bucket)s AND path >= %(start)s AND path < %(end)s ORDER BY path LIMIT 1)
  UNION ALL
  SELECT (SELECT path FROM hub_bucketfile
          WHERE bucket_id = %(bucket)s AND path < %(end)s AND path >= (
            CASE WHEN position('/' IN substr(level.path, %(skip)s)) > 0
                 THEN left(level.path, %(skip)s - 2 + position('/' IN substr(level.path, %(skip)s))) || '0'
                 ELSE level.path || chr(1) END) COLLATE "C"
          ORDER BY path LIMIT 1)
  FROM level WHERE level.path IS NOT NULL
)
SELECT path FROM level WHERE path IS NOT NULL LIMIT %(limit)s
"""
_LATEST = """
SELECT split_part(substr(path, %(skip)s), '/', 1) AS folder, max(uploaded_at) FROM hub_bucketfile
WHERE bucket_id = %(bucket)s AND path >= %(start)s AND path < %(end)s AND position('/' IN substr(path, %(skip)s)) > 0
GROUP BY folder
"""


@dataclass(frozen=True)
class Entry:
    """A file, or a folder that is there because files are below it; `uploaded_at` is that of the latest."""

    path: str
    file: BucketFile | None = None
    uploaded_at: datetime | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def is_folder(self) -> bool:
        return self.file is None

    @property
    def next_start(self) -> str:
        """The first path that can come behind this entry, for `start`."""
        return f"{self.path}{_BEHIND}" if self.is_folder else f"{self.path}{_NEXT}"


def buckets_visible_to(principal: Principal) -> QuerySet[Bucket]:
    """Public ones, and private ones of the names that the person and their token reach."""
    every = Bucket.objects.select_related("namespace")
    if principal.is_staff:
        return every
    own = reachable_namespaces(principal, Permission.REPO_READ).values("pk")
    return every.filter(Q(visibility=Visibility.PUBLIC) | Q(namespace__in=own) | singles(principal, ["bucket"]))


def buckets_of(namespace: Namespace, principal: Principal, *, search: str = "") -> QuerySet[Bucket]:
    """Those under a name, by name."""
    rows = buckets_visible_to(principal).filter(namespace=namespace).order_by("name", "pk")
    return rows.filter(name__icontains=search) if search else rows


def bucket_named(full_name: str) -> Bucket | None:
    """The bucket of that name, without regard to case, whoever asks."""
    namespace, _, name = full_name.partition("/")
    if "\x00" in full_name:
        return None
    return (
        Bucket.objects.select_related("namespace__user", "namespace__organisation")
        .filter(namespace__name__iexact=namespace, name__iexact=name)
        .first()
    )


def bucket_of_key(key: int) -> Bucket | None:
    """The bucket that a signed credential of our own was made for."""
    return Bucket.objects.select_related("namespace").filter(pk=key).first()


def bucket_for(principal: Principal, full_name: str) -> Bucket:
    """The bucket of that name. Raises RepositoryNotFound when it is missing or hidden."""
    found = bucket_named(full_name)
    if found is None or (
        found.is_private and not may_read_namespace(principal, found.namespace, repository=found.reference)
    ):
        raise RepositoryNotFound(anonymous=principal.is_anonymous)
    return found


def file_at(bucket: Bucket, path: str) -> BucketFile:
    """Raises EntryNotFound."""
    found = BucketFile.objects.select_related("object").filter(bucket=bucket, path=path).first()
    if found is None:
        raise EntryNotFound
    return found


def files_named(bucket: Bucket, paths: Iterable[str]) -> list[BucketFile]:
    """Those of the paths at which a file lies, in their order."""
    found = {file.path: file for file in BucketFile.objects.filter(bucket=bucket, path__in=set(paths))}
    return [found[path] for path in paths if path in found]


def files_below(bucket: Bucket, prefix: str = "", *, start: str = "", limit: int) -> list[Entry]:
    """All files whose path begins with `prefix`, whatever the folder; from `start` on."""
    rows = BucketFile.objects.filter(bucket=bucket, path__gte=max(start, prefix))
    if prefix:
        rows = rows.filter(path__lt=_end_of(prefix))
    return [entry_of(file) for file in rows.order_by("path")[:limit]]


def entries_in(bucket: Bucket, folder: str = "", *, start: str = "", limit: int) -> list[Entry]:
    """The files and folders in one folder, by path; from `start` on.

    The database leaps over what lies deeper; only the times of folders are read from the
    index of all that is below them.
    """
    if "\x00" in folder + start:
        return []  # no path holds it, and PostgreSQL does not take the question
    folder = folder.strip("/")
    inside = f"{folder}{_INSIDE}" if folder else ""
    values: dict[str, int | str] = {
        "bucket": bucket.pk,
        "start": max(start, inside),
        "end": f"{folder}{_BEHIND}" if folder else chr(0x10FFFF),
        "skip": len(inside) + 1,
        "limit": limit,
    }
    firsts = [path for (path,) in _rows(_ONE_LEVEL, values)]
    names = [path[len(inside) :].partition("/")[0] for path in firsts]
    folders = [inside + name for name, path in zip(names, firsts, strict=True) if inside + name != path]
    files = {file.path: entry_of(file) for file in BucketFile.objects.filter(bucket=bucket, path__in=firsts)}
    latest: dict[str, datetime] = {}
    if folders:
        span = {"start": f"{folders[0]}{_INSIDE}", "end": f"{folders[-1]}{_BEHIND}"}
        latest = dict(_rows(_LATEST, values | span))
    entries = []
    for name, path in zip(names, firsts, strict=True):
        if inside + name != path:
            entries.append(Entry(inside + name, uploaded_at=latest.get(name)))
        elif path in files:
            entries.append(files[path])
    return entries


def entry_of(file: BucketFile) -> Entry:
    return Entry(file.path, file, file.uploaded_at)


def held_in(bucket: Bucket, hashes: Iterable[str]) -> dict[str, LargeObject]:
    """The objects that this bucket holds, by Xet hash."""
    rows = BucketObject.objects.select_related("object").filter(bucket=bucket, xet_hash__in=set(hashes))
    return {row.xet_hash: row.object for row in rows}


def readable_in(principal: Principal, kind: str, full_name: str, hashes: Iterable[str]) -> dict[str, LargeObject]:
    """The objects that the person can read in a repository or bucket (`kind` bucket), by Xet hash.

    Files only: what was uploaded there and never used is nobody's to copy. Empty when
    the place is missing or hidden.
    """
    wanted = set(hashes)
    try:
        if kind == "bucket":
            files = BucketFile.objects.select_related("object").filter(
                bucket=bucket_for(principal, full_name), xet_hash__in=wanted, object__isnull=False
            )
            return {file.xet_hash: file.object for file in files if file.object is not None}
        if kind not in RepositoryKind.values:
            return {}
        repository = repository_for(principal, kind, full_name)
        require_contents(principal, repository)
        rows = RepositoryObject.objects.select_related("object").filter(
            repository=repository,
            object__xet_hash__in=wanted,
            committed_at__isnull=False,
        )
    except Refusal:
        return {}
    return {row.object.xet_hash: row.object for row in rows}


def _end_of(prefix: str) -> str:
    """The first text that does not begin with `prefix`, in the order of code points (collation C of UTF-8)."""
    last = ord(prefix[-1])
    if last == 0xD7FF:
        return f"{prefix[:-1]}\ue000"  # code points of surrogates are no characters
    return prefix[:-1] + chr(last + 1) if last < 0x10FFFF else prefix + chr(0x10FFFF)


def _rows(sql: str, values: Mapping[str, int | str]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()
