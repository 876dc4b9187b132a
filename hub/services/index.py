"""Letting PostgreSQL follow git.

`follow` brings the index of one branch to where git is, whoever moved the branch: a
commit through the API, a push, or a process that died between moving the ref and
writing the rows. It can be repeated at will and never looks at anything but git.
"""

from collections.abc import Collection, Iterable

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.principal import Principal
from common.services import outbox
from hub.git import reading
from hub.git.errors import GitError
from hub.git.refs import BRANCH, target_of
from hub.git.repositories import Repository as GitRepository
from hub.git.repositories import open_repository
from hub.models import Branch, Commit, Repository, RepositoryObject, TreeEntry
from hub.selectors.revisions import File, commit_row, of_git
from hub.services import search
from hub.services.facts import read_facts
from hub.services.locks import lock_branch

INDEXED = (BRANCH, "refs/pr/", "refs/convert/")
_MANY_COMMITS = 200
_BATCH = 2000


@transaction.atomic
def follow(repository: Repository, ref: str, *, by: Principal | None = None, is_own_work: bool = True) -> str | None:
    """Bring one branch's rows to where git is; returns the commit, None when the branch is gone.

    `by` is told to others, and is the author of new commits in their name, unless they are the work of others.
    """
    lock_branch(repository, ref)
    repo = open_repository(repository.path)
    head = target_of(repo, ref)
    branch = repository.branches.filter(ref=ref).first()
    if head is None:
        if branch is not None:
            _forget(branch, by)
        return None
    if branch is not None and branch.head == head:
        return head
    before = branch.head if branch is not None else None
    if branch is None or not _advance(repo, branch, head, by if is_own_work else None):
        rebuild(repository, ref)
    _tell(repository, ref, head, by, before=before)
    return head


@transaction.atomic
def follow_all(repository: Repository) -> list[str]:
    """Follow every branch, and forget those that are gone; returns the refs that were behind."""
    repo = open_repository(repository.path)
    there = {ref for ref in repo.references if ref.startswith(INDEXED)}
    known = dict(repository.branches.values_list("ref", "head"))
    behind = [ref for ref in sorted(there | set(known)) if known.get(ref) != target_of(repo, ref)]
    for ref in behind:
        follow(repository, ref)
    return behind


@transaction.atomic
def rebuild(repository: Repository, ref: str) -> Branch:
    """Write all rows of a branch anew from git."""
    lock_branch(repository, ref)
    repo = open_repository(repository.path)
    head = target_of(repo, ref)
    assert head is not None
    branch, _created = Branch.objects.update_or_create(repository=repository, ref=ref, defaults={"head": head})
    branch.entries.all().delete()
    entries = [of_git(entry) for entry in reading.iter_tree(repo, head)]
    by_path = reading.last_commits(repo, head)
    commits = _commit_rows(repository, repo, {head, *by_path.values()})
    newest: dict[str, Commit] = {}
    for path, oid in by_path.items():
        for folder in _folders_above(path):
            if folder not in newest or newest[folder].date < commits[oid].date:
                newest[folder] = commits[oid]
    rows = [
        _row(
            branch,
            file,
            newest.get(file.path, commits[head]) if file.is_folder else commits[by_path.get(file.path, head)],
        )
        for file in entries
    ]
    TreeEntry.objects.bulk_create(rows, batch_size=_BATCH)
    _hold(repository, (file for file in entries if file.lfs_sha256))
    if ref == BRANCH + repository.default_branch:
        _renew_facts(repository, head)
    return branch


def copy_branch(repository: Repository, source: Branch, ref: str) -> Branch:
    """A new branch at the commit of another one: the rows are copied inside the database."""
    branch, created = Branch.objects.get_or_create(repository=repository, ref=ref, defaults={"head": source.head})
    if created:
        rows = source.entries.values(
            "path", "directory", "name", "is_folder", "oid", "size", "lfs_sha256", "pointer_size", "last_commit_id"
        )
        TreeEntry.objects.bulk_create([TreeEntry(branch=branch, **row) for row in rows], batch_size=_BATCH)
    return branch


def _advance(repo: GitRepository, branch: Branch, head: str, by: Principal | None) -> bool:
    """Apply what lies between the indexed commit and `head`; False when a rebuild is simpler."""
    steps = _steps(repo, branch.head, head)
    if steps is None:
        return False
    repository = branch.repository
    change = reading.difference(repo, branch.head, head)
    last: dict[str, str] = {}
    for old, new in steps if len(steps) > 1 else []:
        moved = reading.difference(repo, old, new)
        last |= dict.fromkeys([*(entry.path for entry in moved.changed), *moved.deleted], new)
    author = by.user if by is not None else None
    commits = _commit_rows(repository, repo, {new for _old, new in steps}, author=author)
    changed = [of_git(entry) for entry in change.changed]
    touched = {file.path: commits[last.get(file.path, head)] for file in changed}
    touched |= {path: commits[last.get(path, head)] for path in change.deleted}
    folders = _folders_touched(touched)
    branch.entries.filter(path__in=[*change.deleted, *(file.path for file in changed), *folders]).delete()
    rows = [_row(branch, file, touched[file.path]) for file in changed]
    for path, commit in folders.items():
        found = reading.entry(repo, head, path)
        if found is not None and found.is_folder:
            rows.append(_row(branch, of_git(found), commit))
    TreeEntry.objects.bulk_create(rows, batch_size=_BATCH)
    branch.head = head
    branch.save(update_fields=["head", "indexed_at"])
    _hold(repository, (file for file in changed if file.lfs_sha256))
    if branch.ref == BRANCH + repository.default_branch:
        _renew_facts(repository, head)
    return True


def _steps(repo: GitRepository, old: str, new: str) -> list[tuple[str, str]] | None:
    """First-parent commits from `old` to `new` as (parent, commit), oldest first; None when there is no such way."""
    steps: list[tuple[str, str]] = []
    current = new
    while current != old:
        try:
            parents = reading.read_commit(repo, current).parents
        except GitError:  # the old head was pruned
            return None
        if not parents or len(steps) >= _MANY_COMMITS:
            return None
        steps.append((parents[0], current))
        current = parents[0]
    return steps[::-1]


def _commit_rows(
    repository: Repository, repo: GitRepository, oids: set[str], *, author: User | None = None
) -> dict[str, Commit]:
    known = {row.oid: row for row in repository.commits.filter(oid__in=oids)}
    fresh = [commit_row(repository, reading.read_commit(repo, oid)) for oid in oids - known.keys()]
    for row in fresh:
        if author is not None and row.author_name == author.username:
            row.author = author
    Commit.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=_BATCH)
    if fresh:
        known = {row.oid: row for row in repository.commits.filter(oid__in=oids)}
    return known


def _row(branch: Branch, file: File, commit: Commit) -> TreeEntry:
    directory, _, name = file.path.rpartition("/")
    return TreeEntry(
        branch=branch,
        path=file.path,
        directory=directory,
        name=name,
        is_folder=file.is_folder,
        oid=file.oid,
        size=file.size,
        lfs_sha256=file.lfs_sha256,
        pointer_size=file.pointer_size,
        last_commit=commit,
    )


def _folders_above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _folders_touched(touched: dict[str, Commit]) -> dict[str, Commit]:
    """Each folder above a touched path, with the newest commit that touched something in it."""
    found: dict[str, Commit] = {}
    for path, commit in touched.items():
        for folder in _folders_above(path):
            if folder not in found or found[folder].date < commit.date:
                found[folder] = commit
    return found


def _hold(repository: Repository, files: Iterable[File]) -> None:
    name_objects(repository, {file.lfs_sha256 for file in files})


def name_objects(repository: Repository, digests: Collection[str]) -> None:
    """A commit names these objects, so whoever reads the repository may read them.

    Only objects that the repository holds already (a proof of possession came with the
    upload); a pointer to anything else stays a pointer.
    """
    held = RepositoryObject.objects.filter(repository=repository, object_id__in=digests, committed_at__isnull=True)
    held.update(committed_at=timezone.now())


def _renew_facts(repository: Repository, head: str) -> None:
    facts = read_facts(repository, head)
    for name, value in facts.items():
        setattr(repository, name, value)
    repository.head = head
    repository.updated_at = timezone.now()
    repository.save(update_fields=[*facts, "head", "updated_at"])
    search.write_document(repository)


def _tell(repository: Repository, ref: str, head: str, by: Principal | None, *, before: str | None) -> None:
    """Events carry the commit in their key: a branch that is followed twice is told of once."""
    token = by.token if by is not None else None
    payload = {
        "repository": repository.pk,
        "full_name": repository.full_name,
        "kind": repository.kind,
        "commit": head,
        "before": before,
        "ref": ref,
        "branch": ref.removeprefix(BRANCH),
        "is_default": ref == BRANCH + repository.default_branch,
        "actor": by.user.pk if by is not None and by.user is not None else None,
        "reference": token.reference if token is not None else "",
    }
    outbox.emit("repository.committed", f"repository.committed:{repository.pk}:{ref}:{head}", payload)
    if payload["is_default"]:
        outbox.emit("repository.updated", f"repository.updated:{repository.pk}:{head}", payload)


def _forget(branch: Branch, by: Principal | None) -> None:
    payload = {"repository": branch.repository_id, "ref": branch.ref, "before": branch.head, "branch": branch.pk}
    branch.entries.all().delete()
    branch.delete()
    actor = by.user.pk if by is not None and by.user is not None else None
    outbox.emit("branch.deleted", f"branch.deleted:{payload['branch']}", payload | {"actor": actor})
