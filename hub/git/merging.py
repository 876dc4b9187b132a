"""Merging one line of work into another, for pull requests."""

import pygit2

from hub.git.commits import Author, ChangedFile, CommitResult, commit_tree, signature_of
from hub.git.errors import MergeConflict, RefMissing, RefMoved
from hub.git.reading import difference, resolve
from hub.git.refs import full_name, target_of
from hub.git.repositories import Repository


def conflicts(repo: Repository, ours: str, theirs: str) -> list[str]:
    """Paths that two commits changed in ways that do not go together; empty when they merge."""
    index = repo.merge_commits(pygit2.Oid(hex=ours), pygit2.Oid(hex=theirs))
    return _paths(index)


def merge_base(repo: Repository, one: str, other: str) -> str | None:
    """The commit where two lines of work parted, or None when they share nothing."""
    found = repo.merge_base(pygit2.Oid(hex=one), pygit2.Oid(hex=other))
    return None if found is None else str(found)


def merge(
    repo: Repository, ref: str, source: str, *, message: str, author: Author, expected: str | None = None
) -> CommitResult:
    """Merge a commit into a branch by a merge commit (never a fast-forward).

    Raises MergeConflict with the paths (nothing is changed), RefMissing, or RefMoved when
    the branch is not at ``expected`` or moves meanwhile.
    """
    name = full_name(ref)
    head = target_of(repo, name)
    theirs = resolve(repo, source)
    if head is None or theirs is None:
        raise RefMissing("Invalid rev id")
    if expected is not None and expected != head:
        raise RefMoved(name, head)
    index = repo.merge_commits(pygit2.Oid(hex=head), pygit2.Oid(hex=theirs))
    if index.conflicts is not None:
        raise MergeConflict(_paths(index))
    tree = str(index.write_tree(repo))
    signature = signature_of(author)
    oid = commit_tree(repo, name, tree, [head, theirs], message, signature, signature)
    change = difference(repo, head, oid)
    changed = [ChangedFile(entry.path, entry.oid, entry.size, entry.pointer, entry.mode) for entry in change.changed]
    return CommitResult(oid, tree, name, head, signature.time, changed, sorted(change.deleted))


def _paths(index: pygit2.Index) -> list[str]:
    sides = [side for conflict in index.conflicts or () for side in conflict if side is not None]
    return sorted({side.path for side in sides})
