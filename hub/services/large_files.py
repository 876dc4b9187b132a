"""Large objects of a repository, as its administrators see them: listed, and deleted for good."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Forbidden
from common.services import audit
from hub import rules
from hub.git import maintenance
from hub.git.reachable import named_objects
from hub.git.refs import BRANCH
from hub.git.repositories import open_repository
from hub.git.rewriting import Rewritten, drop_pointers
from hub.models import Commit, DeletedObject, Discussion, Repository, RepositoryObject, TreeEntry
from hub.services import holdings, index
from hub.services.locks import holding_history, lock_history


@dataclass(frozen=True)
class LargeFile:
    """An object that a commit names. `ref` is a branch or pull request at whose head it lies, else empty."""

    sha256: str
    size: int
    path: str
    pointer: str
    pushed_at: datetime
    ref: str


def list_large_files(repository: Repository, *, after: int = 0, limit: int = 1000) -> tuple[list[LargeFile], int]:
    """Objects by age, from the one behind `after` on; and where the next page begins, 0 at the end."""
    rows = RepositoryObject.objects.select_related("object").filter(
        repository=repository, committed_at__isnull=False, pk__gt=after
    )
    page = list(rows.order_by("pk")[: limit + 1])
    more, page = page[limit - 1].pk if len(page) > limit else 0, page[:limit]
    heads = _at_heads(repository, [row.object_id for row in page])
    past = {}
    if any(row.object_id not in heads for row in page):
        past = named_objects(repository.path)
    found = []
    for row in page:
        path, pointer, ref = heads.get(row.object_id, ("", "", ""))
        if row.object_id not in heads and row.object_id in past:
            path, pointer = past[row.object_id].path, past[row.object_id].blob
        pushed_at = row.committed_at or row.held_since
        found.append(LargeFile(row.object_id, row.object.size, path, pointer, pushed_at, ref.removeprefix(BRANCH)))
    return found, more


@transaction.atomic
def delete_for_good(
    repository: Repository, digests: Collection[str], *, by: Principal, rewrite_history: bool = True
) -> int:
    """The repository holds these objects no more, and never again by itself; gives the bytes it uses less.

    With `rewrite_history` every pointer to them is gone from every commit of every branch,
    tag and pull request, and the old commits are pruned at once; without, pointers stay and
    their content is answered as deleted. Objects that it does not hold are passed over.
    Versions, their credits and what is owed stay (docs/decisions/058). Raises Forbidden.
    """
    if not rules.may_administer(by, repository):
        raise Forbidden(
            _("You may not delete large files for good."),
            hint=_("Only an administrator of its owner may; others delete files by a commit."),
        )
    lock_history(repository)
    held = RepositoryObject.objects.filter(repository=repository, object_id__in=digests)
    chosen = set(held.values_list("object_id", flat=True))
    done = drop_pointers(open_repository(repository.path), chosen) if rewrite_history and chosen else None
    freed = holdings.release(repository, chosen)
    DeletedObject.objects.bulk_create(
        [DeletedObject(repository=repository, sha256=digest, deleted_by=by.user) for digest in sorted(chosen)],
        update_conflicts=True,
        unique_fields=["repository", "sha256"],
        update_fields=["deleted_by", "deleted_at"],
    )
    if done is not None and done.moves:
        _follow(repository, done, by)
        transaction.on_commit(lambda: prune_now(repository))
    audit.record(
        "repository.large_files_deleted",
        str(repository),
        actor=by,
        objects=sorted(chosen)[:100],
        count=len(chosen),
        bytes=freed,
        rewrite_history=rewrite_history,
    )
    return freed


def prune_now(repository: Repository) -> bool:
    """Drop from git what no ref reaches. False when somebody else works on the repository: the sweeper comes later."""
    with holding_history(repository):
        return maintenance.prune(repository.path, older_than="now")


def _at_heads(repository: Repository, digests: list[str]) -> dict[str, tuple[str, str, str]]:
    """Path, pointer and ref of the objects that lie at the head of a branch, the default branch first."""
    default = BRANCH + repository.default_branch
    rows = TreeEntry.objects.filter(branch__repository=repository, lfs_sha256__in=digests)
    found: dict[str, tuple[str, str, str]] = {}
    for digest, path, oid, ref in rows.order_by("pk").values_list("lfs_sha256", "path", "oid", "branch__ref"):
        if digest not in found or (ref == default and found[digest][2] != default):
            found[digest] = (path, oid, ref)
    return found


def _follow(repository: Repository, done: Rewritten, by: Principal) -> None:
    """The index, the authors of commits and merged pull requests follow the new commits."""
    for move in done.moves:
        if move.ref.startswith(index.INDEXED):
            index.follow(repository, move.ref, by=by)
    known = Commit.objects.filter(repository=repository, oid__in=done.commits, author__isnull=False)
    authors = {done.commits[oid]: author for oid, author in known.values_list("oid", "author_id")}
    fresh = list(Commit.objects.filter(repository=repository, oid__in=authors))
    for row in fresh:
        row.author_id = authors[row.oid]
    Commit.objects.bulk_update(fresh, ["author"], batch_size=2000)
    for discussion in Discussion.objects.filter(repository=repository, merge_commit__in=done.commits):
        Discussion.objects.filter(pk=discussion.pk).update(merge_commit=done.commits[discussion.merge_commit])
