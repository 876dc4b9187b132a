"""Writing commits: true compare-and-swap, nothing half-done.

Objects are written first, the ref moves last; a writer that dies in between
leaves only unreachable objects behind.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

import pygit2
from pygit2.enums import FileMode, ObjectType

from hub.git.errors import EntryMissing, GitError, RefMissing, RefMoved
from hub.git.lfs_pointer import MAX_POINTER_SIZE, Pointer, format_pointer, parse_pointer
from hub.git.packs import NewObject, object_id, write_objects
from hub.git.paths import check_path
from hub.git.refs import RefUpdate, full_name, target_of, update
from hub.git.repositories import Repository
from hub.git.trees import TREE_MODE, TreeEdit

_LOCK_TRIES = 50
_LOCK_PAUSE = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class Author:
    """Who made a commit. ``when`` is Unix time in seconds, by default now."""

    name: str
    email: str
    when: int | None = None


@dataclass(frozen=True, slots=True)
class AddBytes:
    """Put a file with these bytes."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class AddPointer:
    """Put a pointer to a large object."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Remove a file; a folder of that name goes with all in it, as the Hub does."""

    path: str


@dataclass(frozen=True, slots=True)
class DeleteFolder:
    """Remove a folder and all in it."""

    path: str


@dataclass(frozen=True, slots=True)
class CopyFrom:
    """Put a file or folder as it is at ``source_path`` in a commit of this repository."""

    path: str
    source_path: str
    source_commit: str


Operation = AddBytes | AddPointer | DeleteFile | DeleteFolder | CopyFrom


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that a commit put: its blob, its length in bytes, its large object if any.

    ``size`` is that of the blob; the large object's is ``pointer.size``.
    """

    path: str
    oid: str
    size: int
    pointer: Pointer | None
    mode: int = int(FileMode.BLOB)


@dataclass(frozen=True, slots=True)
class CommitResult:
    """What a commit did. ``deleted`` names files, also those inside removed folders.

    ``when`` is the commit's time, Unix seconds.
    """

    oid: str
    tree: str
    ref: str
    parent: str | None
    when: int
    changed: list[ChangedFile]
    deleted: list[str]


def write_commit(
    repo: Repository,
    ref: str,
    operations: Iterable[Operation],
    *,
    message: str,
    author: Author,
    parent: str | None = None,
    committer: Author | None = None,
) -> CommitResult:
    """Add one commit to a branch (``main`` or a full ref name), or raise and change nothing.

    ``operations`` apply in order. ``parent``, when given, must be the commit the ref is at.
    A ref that is not there yet is born with a root commit (only if ``parent`` is None).
    Operations that change nothing still make a commit.

    Raises RefMoved (with the current commit) when the ref is elsewhere, before or
    during the work; InvalidPath; EntryMissing when a file to delete or copy is not there.
    """
    name = full_name(ref)
    head = target_of(repo, name)
    if parent is not None and parent != head:
        raise RefMoved(name, head)
    objects: dict[str, NewObject] = {}
    edit = TreeEdit(repo, str(repo[head].tree_id) if head else None)
    for operation in operations:
        _apply(repo, edit, objects, operation)
    tree = edit.write(objects)
    write_objects(repo, objects)
    signature = signature_of(author)
    committed_by = signature_of(committer) if committer else signature
    oid = commit_tree(repo, name, tree, [head] if head else [], message, signature, committed_by)
    changed = [_describe(repo, objects, path, leaf.oid, leaf.mode) for path, leaf in edit.changed().items()]
    return CommitResult(oid, tree, name, head, signature.time, changed, edit.deleted())


def squash(repo: Repository, ref: str, *, message: str, author: Author, expected: str | None = None) -> CommitResult:
    """Replace the history of a branch by one parentless commit with the same files.

    Raises RefMissing when there is no such branch, RefMoved when it is not at
    ``expected`` or moves meanwhile.
    """
    name = full_name(ref)
    head = target_of(repo, name)
    if head is None:
        raise RefMissing("Invalid rev id")
    if expected is not None and expected != head:
        raise RefMoved(name, head)
    signature = signature_of(author)
    tree = str(repo[head].tree_id)
    oid = str(repo.create_commit(None, signature, signature, message, pygit2.Oid(hex=tree), []))
    update(repo, [RefUpdate(name, head, oid)])
    return CommitResult(oid, tree, name, head, signature.time, [], [])


def _apply(repo: Repository, edit: TreeEdit, objects: dict[str, NewObject], operation: Operation) -> None:
    match operation:
        case AddBytes(path, data):
            edit.put(check_path(path), _add_blob(objects, data))
        case AddPointer(path, sha256, size):
            edit.put(check_path(path), _add_blob(objects, format_pointer(sha256, size)))
        case DeleteFile(path) | DeleteFolder(path):
            edit.remove(path.strip("/"))
        case CopyFrom(path, source_path, source_commit):
            _copy(repo, edit, check_path(path), source_path.strip("/"), source_commit)


def _add_blob(objects: dict[str, NewObject], data: bytes) -> str:
    oid = object_id(ObjectType.BLOB, data)
    objects[oid] = NewObject(ObjectType.BLOB, data)
    return oid


def _copy(repo: Repository, edit: TreeEdit, path: str, source_path: str, source_commit: str) -> None:
    try:
        source = repo[source_commit].tree[source_path]
    except (KeyError, ValueError, AttributeError):
        raise EntryMissing(f"There is no {source_path!r} to copy in that revision") from None
    if int(source.filemode) == TREE_MODE:
        for entry in source:
            _copy(repo, edit, f"{path}/{entry.name}", f"{source_path}/{entry.name}", source_commit)
    else:
        edit.put(path, str(source.id), int(source.filemode))


def _describe(repo: Repository, objects: dict[str, NewObject], path: str, oid: str, mode: int) -> ChangedFile:
    data = objects[oid].data if oid in objects else repo[oid].data
    pointer = parse_pointer(data) if len(data) <= MAX_POINTER_SIZE else None
    return ChangedFile(path, oid, len(data), pointer, mode)


def commit_tree(
    repo: Repository,
    ref: str,
    tree: str,
    parents: list[str],
    message: str,
    author: pygit2.Signature,
    committer: pygit2.Signature,
) -> str:
    """Write a commit and move ``ref`` from the first of its parents to it, atomically.

    Without parents the ref must not be there yet. Raises RefMoved.
    """
    tree_id = pygit2.Oid(hex=tree)
    if not parents:
        oid = str(repo.create_commit(None, author, committer, message, tree_id, []))
        update(repo, [RefUpdate(ref, None, oid)])
        return oid
    parent_ids = [pygit2.Oid(hex=parent) for parent in parents]
    for attempt in range(_LOCK_TRIES):
        try:
            # libgit2 moves the ref only if it still is at the first parent.
            return str(repo.create_commit(ref, author, committer, message, tree_id, parent_ids))
        except (pygit2.GitError, OSError) as error:
            current = target_of(repo, ref)
            if current != parents[0]:
                raise RefMoved(ref, current) from None
            if attempt == _LOCK_TRIES - 1:
                raise GitError(f"{ref} could not be moved: {error}") from error
            time.sleep(_LOCK_PAUSE)  # another writer holds the lock file of the ref
    raise AssertionError  # the loop returns or raises


def signature_of(author: Author) -> pygit2.Signature:
    """The author as git writes it: no line breaks, no angle brackets, never empty."""
    name = re.sub(r"[\x00-\x1f\x7f<>]", "", author.name).strip(" .,:;'\"") or "unknown"
    email = re.sub(r"[\x00-\x20\x7f<>]", "", author.email) or "unknown@localhost"
    return pygit2.Signature(name, email, int(time.time()) if author.when is None else author.when, 0, "utf-8")
