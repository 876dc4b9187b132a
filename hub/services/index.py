"""Letting PostgreSQL follow git.

`follow` brings the index of one branch to where git is, whoever moved the branch: a
commit through the API, a push, or a process that died between moving the ref and
writing the rows. It can be repeated at will and never looks at anything but git.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.principal import Principal
from common.services import outbox
from hub.algorithms import cards
from hub.git import reading
from hub.git.errors import GitError
from hub.git.refs import BRANCH, target_of
from hub.git.repositories import Repository as GitRepository
from hub.git.repositories import open_repository
from hub.models import Branch, Commit, Repository, RepositoryObject
from hub.selectors.revisions import File, commit_row, of_git
from hub.services import index_rows, search
from hub.services.facts import facts_follow, read_facts
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
    known = repository.branches.filter(ref=ref).first()
    branch = follow_locked(repository, ref, known, by=by, is_own_work=is_own_work)
    return branch.head if branch is not None else None


def follow_locked(
    repository: Repository, ref: str, branch: Branch | None, *, by: Principal | None = None, is_own_work: bool = True
) -> Branch | None:
    """`follow` for whoever holds the lock of the branch and has its row; returns the row as it is now."""
    repo = open_repository(repository.path)
    head = target_of(repo, ref)
    if head is None:
        if branch is not None:
            _forget(branch, by)
        return None
    if branch is not None and branch.head == head:
        return branch
    before = branch.head if branch is not None else None
    if branch is None or not _advance(repo, branch, head, by if is_own_work else None):
        branch = rebuild(repository, ref)
    _tell(repository, ref, head, by, before=before)
    return branch


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
    last = {
        file.path: newest.get(file.path, commits[head]) if file.is_folder else commits[by_path.get(file.path, head)]
        for file in entries
    }
    index_rows.write(branch, entries, last)
    _hold(repository, entries)
    if ref == BRANCH + repository.default_branch:
        _renew_facts(repository, head)
    return branch


def copy_branch(repository: Repository, source: Branch, ref: str) -> Branch:
    """A new branch at the commit of another one: the rows are copied inside the database."""
    branch, created = Branch.objects.get_or_create(repository=repository, ref=ref, defaults={"head": source.head})
    if created:
        index_rows.copy(source, branch)
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
    index_rows.drop(branch, {*touched, *folders})
    above = (reading.entry(repo, head, path) for path in folders)
    there = [of_git(entry) for entry in above if entry is not None and entry.is_folder]
    index_rows.write(branch, [*changed, *there], touched | folders)
    facts_are_of, branch.head = branch.head, head
    branch.save(update_fields=["head", "indexed_at"])
    _hold(repository, changed)
    if branch.ref == BRANCH + repository.default_branch:
        _renew_facts(repository, head, touched if repository.head == facts_are_of else None)
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
    fresh = [commit_row(repository, reading.read_commit(repo, oid)) for oid in sorted(oids - known.keys())]
    for row in fresh:
        if author is not None and row.author_name == author.username:
            row.author = author
    # Another branch may bring the same commit at this moment: an update that changes nothing gives its row.
    Commit.objects.bulk_create(
        fresh, update_conflicts=True, unique_fields=["repository", "oid"], update_fields=["oid"], batch_size=_BATCH
    )
    return known | {row.oid: row for row in fresh}


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
    digests = {file.lfs_sha256 for file in files if file.lfs_sha256}
    if digests:
        name_objects(repository, digests)


def name_objects(repository: Repository, digests: Collection[str]) -> None:
    """A commit names these objects, so whoever reads the repository may read them.

    Only objects that the repository holds already (a proof of possession came with the
    upload); a pointer to anything else stays a pointer.
    """
    held = RepositoryObject.objects.filter(repository=repository, object_id__in=digests, committed_at__isnull=True)
    held.update(committed_at=timezone.now())


def _renew_facts(repository: Repository, head: str, touched: Collection[str] | None = None) -> None:
    """`touched` are the paths that changed since `repository` was as it is; None for whatever may have."""
    facts: dict[str, Any] = {}
    if touched is None or any(facts_follow(path) for path in touched):
        facts = read_facts(repository, head)
    if touched is not None:
        facts = {name: value for name, value in facts.items() if value != getattr(repository, name)}
    for name, value in facts.items():
        setattr(repository, name, value)
    repository.head = head
    repository.updated_at = timezone.now()
    repository.save(update_fields=[*facts, "head", "updated_at"])
    if touched is None or facts or cards.FILE in touched:
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
    events = [("repository.committed", f"repository.committed:{repository.pk}:{ref}:{head}", payload)]
    if payload["is_default"]:
        events.append(("repository.updated", f"repository.updated:{repository.pk}:{head}", payload))
    outbox.emit_all(events)


def _forget(branch: Branch, by: Principal | None) -> None:
    payload = {"repository": branch.repository_id, "ref": branch.ref, "before": branch.head, "branch": branch.pk}
    branch.entries.all().delete()
    branch.delete()
    actor = by.user.pk if by is not None and by.user is not None else None
    outbox.emit("branch.deleted", f"branch.deleted:{payload['branch']}", payload | {"actor": actor})
