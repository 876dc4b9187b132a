"""Changing the files of a bucket: many operations at once, each of which may fail by itself."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Forbidden
from common.services import audit
from hub import rules
from hub.enums import BucketChangeKind
from hub.git.paths import path_fault
from hub.models import Bucket, BucketChange, BucketFile, LargeObject
from hub.models.buckets import EMPTY
from hub.selectors.buckets import held_in, readable_in
from hub.services import holdings, quotas
from hub.services.buckets import locked

_ROWS = 2000  # in one statement


@dataclass(frozen=True)
class AddFile:
    """Put an object that was uploaded to this bucket, or the empty file, at a path."""

    path: str
    xet_hash: str
    mtime: datetime | None = None
    content_type: str = ""


@dataclass(frozen=True)
class CopyFile:
    """Put an object of a repository or bucket that the person may read at a path."""

    path: str
    xet_hash: str
    source_kind: str
    source_name: str
    mtime: datetime | None = None


@dataclass(frozen=True)
class DeleteFile:
    path: str


@dataclass(frozen=True)
class Failure:
    """An operation that was left out, and why."""

    path: str
    error: str


Operation = AddFile | CopyFile | DeleteFile
Source = tuple[str, str]


@transaction.atomic
def apply(bucket: Bucket, operations: Sequence[Operation], *, by: Principal) -> list[Failure]:
    """Do what can be done, in order and in one transaction; gives what could not.

    An object may only be named by who had its bytes: see BucketObject. The number of
    queries does not grow with the operations, but with the places that are copied from.
    Raises Forbidden, StorageFull, FileTooLarge.
    """
    if not rules.may_write(by, bucket):
        raise Forbidden(_("You may not write to this bucket."), hint=_("Ask its owner for write access."))
    quotas.lock_home(bucket)
    bucket = locked(bucket)
    work = _Work(bucket, operations, by)
    failures = [Failure(one.path, fault) for one in operations if (fault := work.do(one))]
    work.write()
    audit.record(
        "bucket.changed", str(bucket), actor=by, operations=len(operations) - len(failures), failed=len(failures)
    )
    return failures


class _Work:
    """The files at the paths concerned, before and after."""

    def __init__(self, bucket: Bucket, operations: Sequence[Operation], by: Principal) -> None:
        self.bucket = bucket
        self.now = timezone.now()
        paths = {one.path for one in operations}
        self.before = {file.path: file for file in BucketFile.objects.filter(bucket=bucket, path__in=paths)}
        self.after: dict[str, BucketFile | None] = {}
        named = [one for one in operations if not isinstance(one, DeleteFile)]
        self.held = held_in(bucket, (one.xet_hash for one in named))
        self.sources = _sources(named, by)
        self.copied: dict[str, LargeObject] = {}

    def do(self, operation: Operation) -> str:
        """Why it cannot be done; empty when it is."""
        if isinstance(operation, DeleteFile):
            if self.after.get(operation.path, self.before.get(operation.path)) is None:
                return _("There is no such file.")
            self.after[operation.path] = None
            return ""
        fault = path_fault(operation.path)
        if fault:
            return _("This path is not allowed: %(reason)s.") % {"reason": fault}
        if isinstance(operation, AddFile):
            return self._add(operation)
        return self._copy(operation)

    def _add(self, operation: AddFile) -> str:
        found = self.held.get(operation.xet_hash)
        if found is None and operation.xet_hash != EMPTY:
            return _("The content was not uploaded to this bucket.")
        self._put(operation, found, operation.content_type)
        return ""

    def _copy(self, operation: CopyFile) -> str:
        source = _source(operation)
        found = self.sources[source].get(operation.xet_hash)
        if found is None and source == ("bucket", self.bucket.full_name.lower()):
            # Its writers also copy what this very request adds.
            found = self.held.get(operation.xet_hash)
        if found is None:
            return _("The source has no such file, or you may not read it.")
        self.copied[operation.xet_hash] = found
        self._put(operation, found, "")
        return ""

    def _put(self, operation: AddFile | CopyFile, found: LargeObject | None, content_type: str) -> None:
        self.after[operation.path] = BucketFile(
            bucket=self.bucket,
            path=operation.path,
            xet_hash=operation.xet_hash,
            object=found,
            size=found.size if found is not None else 0,
            content_type=content_type,
            mtime=operation.mtime,
            uploaded_at=self.now,
        )

    def write(self) -> None:
        """The rows and the sums."""
        if not self.after:
            return
        gone = [path for path, file in self.after.items() if file is None]
        new = [file for file in self.after.values() if file is not None]
        old = [self.before[path] for path in self.after if path in self.before]
        BucketFile.objects.filter(bucket=self.bucket, path__in=gone).delete()
        holdings.hold_in_bucket(self.bucket, self.copied)
        BucketFile.objects.bulk_create(
            new,
            update_conflicts=True,
            unique_fields=["bucket", "path"],
            update_fields=["xet_hash", "object", "size", "content_type", "mtime", "uploaded_at"],
            batch_size=_ROWS,
        )
        self._tell_followers()
        self.bucket.size += sum(file.size for file in new) - sum(file.size for file in old)
        self.bucket.total_files += len(new) - len(old)
        self.bucket.updated_at = self.now
        self.bucket.save(update_fields=["size", "total_files", "updated_at"])
        # What was overwritten or deleted counts no more from this moment on.
        holdings.release_from_bucket(self.bucket, {file.xet_hash for file in old} - {file.xet_hash for file in new})

    def _tell_followers(self) -> None:
        """One row for each path: followers want to know how it ended, not what happened in between."""
        changed = {path for path, file in self.after.items() if file is not None or path in self.before}
        rows = [self._change(path, self.after[path]) for path in self.after if path in changed]
        BucketChange.objects.bulk_create(rows, batch_size=_ROWS)

    def _change(self, path: str, file: BucketFile | None) -> BucketChange:
        if file is None:
            return BucketChange(bucket=self.bucket, at=self.now, kind=BucketChangeKind.DELETE, path=path)
        kind = BucketChangeKind.UPDATE if path in self.before else BucketChangeKind.ADD
        return BucketChange(
            bucket=self.bucket,
            at=self.now,
            kind=kind,
            path=path,
            size=file.size,
            xet_hash=file.xet_hash,
            mtime=file.mtime,
        )


def _source(operation: CopyFile) -> Source:
    return operation.source_kind, operation.source_name.lower()


def _sources(operations: Sequence[AddFile | CopyFile], by: Principal) -> dict[Source, dict[str, LargeObject]]:
    """For each place that is copied from, what the person can read of it."""
    wanted: dict[Source, set[str]] = defaultdict(set)
    for one in operations:
        if isinstance(one, CopyFile):
            wanted[_source(one)].add(one.xet_hash)
    return {source: readable_in(by, *source, hashes) for source, hashes in wanted.items()}
