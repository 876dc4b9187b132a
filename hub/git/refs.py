"""Branches, tags and the refs of pull requests: names, lists, safe moves.

Layout: ``refs/heads/*`` branches, ``refs/tags/*`` tags, ``refs/pr/N`` pull
requests, ``refs/convert/*`` conversions made by the hub, ``refs/internal/*``
kept from every reader.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pygit2

from hub.git.errors import GitError, InvalidRef, RefExists, RefMissing, RefMoved
from hub.git.processes import run_git
from hub.git.repositories import Repository, default_branch

BRANCH = "refs/heads/"
TAG = "refs/tags/"
PULL_REQUEST = "refs/pr/"
CONVERT = "refs/convert/"
INTERNAL = "refs/internal/"
ZERO = "0" * 40

MAX_NAME = 250


@dataclass(frozen=True, slots=True)
class Ref:
    """A named commit. ``name`` is short (``main``), ``ref`` full (``refs/heads/main``)."""

    name: str
    ref: str
    commit: str


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One move of a ref; None stands for "not there" (creation, deletion)."""

    ref: str
    old: str | None
    new: str | None


def full_name(name: str) -> str:
    """``main`` → ``refs/heads/main``; names that start with ``refs/`` stay."""
    return name if name.startswith("refs/") else BRANCH + name


def check_name(name: str) -> str:
    """The name of a new branch or tag, checked. Raises InvalidRef.

    Beyond git's own rules: nothing that looks like a full ref or a commit id, so
    that a revision in a URL never means two things.
    """
    if not name or len(name.encode("utf-8", "surrogatepass")) > MAX_NAME:
        raise InvalidRef(f"A name has 1 to {MAX_NAME} bytes.")
    if name.startswith(("refs/", "-")) or name in ("HEAD", "refs"):
        raise InvalidRef(f"{name!r} cannot be the name of a branch or tag.")
    if len(name) == 40 and all(char in "0123456789abcdefABCDEF" for char in name):
        raise InvalidRef("A name that looks like a commit id would be ambiguous.")
    if not pygit2.reference_is_valid_name(BRANCH + name):
        raise InvalidRef(f"{name!r} is not a name that git allows.")
    return name


def _under(repo: Repository, prefix: str) -> list[Ref]:
    found = []
    for name in repo.references:
        if not name.startswith(prefix):
            continue
        commit = target_of(repo, name)
        if commit:
            found.append(Ref(name.removeprefix(prefix), name, commit))
    return sorted(found, key=lambda ref: ref.name)


def branches(repo: Repository) -> list[Ref]:
    """All branches, by name."""
    return _under(repo, BRANCH)


def tags(repo: Repository) -> list[Ref]:
    """All tags, by name; annotated tags show the commit they stand for."""
    return _under(repo, TAG)


def pull_requests(repo: Repository) -> list[Ref]:
    """The refs of pull requests; ``name`` is the number."""
    return sorted(_under(repo, PULL_REQUEST), key=lambda ref: (len(ref.name), ref.name))


def converts(repo: Repository) -> list[Ref]:
    """Conversions made by the hub, such as ``parquet``."""
    return _under(repo, CONVERT)


def target_of(repo: Repository, ref: str) -> str | None:
    """The commit a full ref name stands for, or None."""
    try:
        commit = repo.references[ref].peel(pygit2.Commit)
    except (KeyError, ValueError, pygit2.GitError):
        return None
    return str(commit.id)


def update(repo: Repository, updates: Iterable[RefUpdate]) -> None:
    """Move refs, all or none, each only if it still is at ``old``.

    Raises RefMoved when one is not, InvalidRef for a name that git does not allow.
    """
    wanted = list(updates)
    for move in wanted:
        if not move.ref.startswith("refs/") or not pygit2.reference_is_valid_name(move.ref):
            raise InvalidRef(f"{move.ref!r} is not a name that git allows.")
    moves = [f"update {move.ref} {move.new or ZERO} {move.old or ZERO}" for move in wanted]
    lines = ["start", *moves, "prepare", "commit", ""]
    try:
        run_git(Path(repo.path), "update-ref", "--stdin", stdin="\n".join(lines).encode())
    except GitError:
        for move in wanted:
            current = target_of(repo, move.ref)
            if current != move.old:
                raise RefMoved(move.ref, current) from None
        raise


def create_branch(repo: Repository, name: str, commit: str) -> Ref:
    """Start a branch at a commit. Raises InvalidRef, RefExists, RefMissing."""
    return _create(repo, BRANCH, name, commit)


def create_tag(
    repo: Repository, name: str, commit: str, *, message: str = "", tagger: pygit2.Signature | None = None
) -> Ref:
    """Name a commit for good; with a message and a tagger the tag is annotated.

    Raises InvalidRef, RefExists, RefMissing.
    """
    if not message or tagger is None:
        return _create(repo, TAG, name, commit)
    check_name(name)
    _commit(repo, commit)
    if TAG + name in repo.references:
        raise RefExists(f"Reference {TAG}{name} already exists")
    repo.create_tag(name, pygit2.Oid(hex=commit), pygit2.enums.ObjectType.COMMIT, tagger, message)
    return Ref(name, TAG + name, commit)


def delete_branch(repo: Repository, name: str) -> str:
    """Remove a branch, give the commit it was at. The default branch stays."""
    if name == default_branch(repo):
        raise InvalidRef(f"Cannot delete refs/heads/{name}: it is the default branch.")
    return _delete(repo, BRANCH + name)


def delete_tag(repo: Repository, name: str) -> str:
    """Remove a tag, give the commit it stood for."""
    return _delete(repo, TAG + name)


def set_default_branch(repo: Repository, name: str) -> None:
    """Let HEAD name another branch."""
    check_name(name)
    repo.set_head(BRANCH + name)


def _commit(repo: Repository, oid: str) -> pygit2.Commit:
    try:
        found = repo.get(oid)
    except ValueError:
        found = None
    if not isinstance(found, pygit2.Commit):
        raise RefMissing("Invalid rev id")
    return found


def _create(repo: Repository, prefix: str, name: str, commit: str) -> Ref:
    check_name(name)
    _commit(repo, commit)
    ref = prefix + name
    if ref in repo.references:
        raise RefExists(f"Reference {ref} already exists")
    try:
        update(repo, [RefUpdate(ref, None, commit)])
    except RefMoved:
        raise RefExists(f"Reference {ref} already exists") from None
    except GitError as error:
        # "a" and "a/b" cannot both be refs: they would be a file and a folder.
        raise InvalidRef(f"{name!r} clashes with the name of another branch or tag.") from error
    return Ref(name, ref, commit)


def _delete(repo: Repository, ref: str) -> str:
    commit = target_of(repo, ref)
    if commit is None:
        raise RefMissing("Invalid rev id")
    # An annotated tag points to a tag object, which is what git compares.
    direct = str(repo.references[ref].target)
    update(repo, [RefUpdate(ref, direct, None)])
    return commit
