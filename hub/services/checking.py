"""Checking git, index, rows and stores against each other (`manage.py hub_fsck`).

Findings are told, never deleted. What can be repaired follows from something else that is
whole: the index and facts from git, sums from the rows, flags from the stores.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import transaction

from hub import stores
from hub.git import maintenance, reading
from hub.git.errors import GitError
from hub.git.reachable import named_objects
from hub.git.refs import target_of
from hub.git.repositories import Repository as GitRepository
from hub.git.repositories import exists, open_repository
from hub.models import Branch, Bucket, BucketFile, BucketObject, LargeObject, Repository, RepositoryObject
from hub.selectors.revisions import of_git
from hub.selectors.storage import recount
from hub.services import holdings, index
from hub.storage.errors import StorageError, StoreUnavailable

_READ = 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """Something that does not fit. `repaired` tells that it does now."""

    where: str
    what: str
    repaired: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.what}{' (repaired)' if self.repaired else ''}"


def check_all(*, deep: bool = False, repair: bool = False) -> Iterator[Finding]:
    """Every repository, bucket and object."""
    for repository in Repository.objects.select_related("namespace").iterator():
        yield from check_repository(repository, repair=repair)
    for bucket in Bucket.objects.select_related("namespace").iterator():
        yield from check_bucket(bucket, repair=repair)
    for found in LargeObject.objects.order_by("pk").iterator():
        yield from check_object(found, deep=deep, repair=repair)


def check_repository(repository: Repository, *, repair: bool = False) -> Iterator[Finding]:
    """Git itself, the index of every branch, the objects its commits name, its versions, its sum."""
    where = str(repository)
    if not exists(repository.path):
        yield Finding(where, "there is no git repository on disk; restore it from a backup")
        return
    broken = [Finding(where, f"git: {line}") for line in maintenance.check(repository.path)]
    yield from broken
    if not broken:
        # The index follows only a repository that is whole.
        yield from _check_index(repository, where, repair=repair)
        yield from _check_names(repository, where, repair=repair)
        yield from _check_versions(repository, where)
    yield from _check_sum(repository, where, repair=repair)


def check_bucket(bucket: Bucket, *, repair: bool = False) -> Iterator[Finding]:
    """Files and the objects they are made of, and the sums."""
    where = str(bucket)
    held = BucketObject.objects.filter(bucket=bucket).values("xet_hash")
    for path in (
        BucketFile.objects.filter(bucket=bucket, object__isnull=False)
        .exclude(xet_hash__in=held)
        .values_list("path", flat=True)
    ):
        yield Finding(where, f"the bucket does not hold the content of {path}")
    files = list(BucketFile.objects.filter(bucket=bucket).values_list("size", flat=True))
    if (sum(files), len(files)) != (bucket.size, bucket.total_files):
        if repair:
            Bucket.objects.filter(pk=bucket.pk).update(size=sum(files), total_files=len(files))
        yield Finding(where, f"size {bucket.size} and {bucket.total_files} files are wrong", repaired=repair)
    yield from _check_sum(bucket, where, repair=repair)


def check_object(found: LargeObject, *, deep: bool = False, repair: bool = False) -> Iterator[Finding]:
    """The bytes behind a row: there, of the right length, and with `deep` of the right sha256."""
    where = f"object {found.sha256}"
    forms = {}
    if found.is_plain:
        forms["plain"] = _plain_fault(found, deep=deep)
    if found.xet_hash:
        forms["Xet"] = _xet_fault(found, deep=deep)
    whole = [form for form, fault in forms.items() if not fault]
    for form, fault in forms.items():
        # With another form that is whole the row need not promise this one.
        mended = repair and bool(whole) and fault.endswith("missing")
        if mended:
            changes = {"is_plain": False} if form == "plain" else {"xet_hash": ""}
            LargeObject.objects.filter(pk=found.pk).update(**changes)
        if fault:
            yield Finding(where, f"{form}: {fault}", repaired=mended)


def _check_index(repository: Repository, where: str, *, repair: bool) -> Iterator[Finding]:
    repo = open_repository(repository.path)
    there = {ref for ref in repo.references if ref.startswith(index.INDEXED)}
    known = {branch.ref: branch for branch in repository.branches.all()}
    for ref in sorted(there | known.keys()):
        branch, head = known.get(ref), target_of(repo, ref)
        fault = _branch_fault(repo, branch, head)
        if not fault:
            continue
        if repair:
            _mend(repository, ref, branch, head)
        yield Finding(where, f"{ref}: {fault}", repaired=repair)


@transaction.atomic
def _mend(repository: Repository, ref: str, branch: Branch | None, head: str | None) -> None:
    if branch is None or branch.head != head:
        index.follow(repository, ref)
    else:
        index.rebuild(repository, ref)


def _branch_fault(repo: GitRepository, branch: Branch | None, head: str | None) -> str:
    if head is None:
        return "the index knows a branch that git has not"
    if branch is None:
        return "the index does not know this branch"
    if branch.head != head:
        return f"the index is at {branch.head[:12]}, git at {head[:12]}"
    in_git = {(one.path, one.oid, one.size, one.lfs_sha256) for one in map(of_git, reading.iter_tree(repo, head))}
    rows = set(branch.entries.values_list("path", "oid", "size", "lfs_sha256"))
    if rows != in_git:
        paths = sorted({path for path, *_rest in rows ^ in_git})
        return f"{len(paths)} entries are not those of git ({', '.join(paths[:3])})"
    return ""


def _check_names(repository: Repository, where: str, *, repair: bool) -> Iterator[Finding]:
    """Objects that commits name: held, and known to be named."""
    named = named_objects(repository.path)
    held = dict(RepositoryObject.objects.filter(repository=repository).values_list("object_id", "committed_at"))
    deleted = set(repository.objects_deleted.values_list("sha256", flat=True))
    for digest in sorted(named.keys() - held.keys() - deleted):
        # Who holds what is proven by an upload, so a pointer alone gives nothing back.
        yield Finding(where, f"{named[digest].path} names the object {digest}, which the repository does not hold")
    unmarked = sorted(digest for digest in named.keys() & held.keys() if held[digest] is None)
    if unmarked:
        if repair:
            index.name_objects(repository, unmarked)
        yield Finding(where, f"{len(unmarked)} objects that commits name count as not committed", repaired=repair)


def _check_versions(repository: Repository, where: str) -> Iterator[Finding]:
    repo = open_repository(repository.path)
    latest = repository.versions.order_by("-number").first()
    if latest is None:
        return
    try:
        reading.read_commit(repo, latest.commit)
    except GitError:
        yield Finding(where, f"the commit {latest.commit[:12]} of its latest version {latest.number} is not in git")


def _check_sum(home: Repository | Bucket, where: str, *, repair: bool) -> Iterator[Finding]:
    counted = recount(home)
    if counted != home.used_storage:
        if repair:
            holdings.correct(home)
        yield Finding(where, f"used storage is {counted}, not {home.used_storage}", repaired=repair)


def _plain_fault(found: LargeObject, *, deep: bool) -> str:
    store = stores.plain_objects()
    size = store.size(found.sha256)
    if size is None:
        return "the file is missing"
    if size != found.size:
        return f"the file has {size} bytes instead of {found.size}"
    if not deep:
        return ""
    with store.open(found.sha256) as file:
        return _digest_fault(iter(lambda: file.read(_READ), b""), found.sha256)


def _xet_fault(found: LargeObject, *, deep: bool) -> str:
    store = stores.xet_store()
    try:
        recipe = store.recipes.get(found.xet_hash)
        if recipe is None:
            return "the recipe is missing"
        if (recipe.sha256, recipe.size) != (found.sha256, found.size):
            return "the recipe makes another file"
        for name in sorted(recipe.xorbs):
            if not store.has_xorb(name):
                return f"the xorb {name} is missing"
            if store.xorbs.size(name) != store.index(name).packed_size:
                return f"the xorb {name} has another length than its index says"
        return _digest_fault(store.read_file(found.xet_hash), found.sha256) if deep else ""
    except StoreUnavailable:
        raise  # what cannot be reached now is not lost
    except StorageError as error:
        return str(error)


def _digest_fault(blocks: Iterable[bytes], sha256: str) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return "" if digest.hexdigest() == sha256 else f"the bytes have the sha256 {digest.hexdigest()}"
