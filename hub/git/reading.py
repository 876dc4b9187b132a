"""Reading repositories: revisions, files, folders, history, differences."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import FileMode, ObjectType, SortMode

from hub.git.errors import EntryMissing, RefMissing
from hub.git.lfs_pointer import MAX_POINTER_SIZE, Pointer, parse_pointer
from hub.git.processes import run_git
from hub.git.refs import BRANCH, CONVERT, PULL_REQUEST, TAG, target_of
from hub.git.repositories import Repository
from hub.git.trees import TREE_MODE, name_text, parse_row, rows_of

_FULL = re.compile(r"[0-9a-f]{40}")
_SHORT = re.compile(r"[0-9a-f]{4,39}")
_READABLE = (BRANCH, TAG, PULL_REQUEST, CONVERT)


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file or folder at a revision.

    ``oid`` is the blob's or tree's id; ``size`` the blob's length in bytes (0 for
    folders); ``pointer`` the large object behind a pointer file. ``mode`` is git's.
    """

    path: str
    oid: str
    mode: int
    size: int
    pointer: Pointer | None

    @property
    def is_folder(self) -> bool:
        return self.mode == int(FileMode.TREE)


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit; ``when`` is Unix time in seconds, ``title`` the first line of the message."""

    oid: str
    title: str
    message: str
    author_name: str
    author_email: str
    when: int
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What leads from one tree to another: files put (new or changed) and files gone."""

    changed: list[TreeEntry]
    deleted: list[str]


def resolve(repo: Repository, revision: str) -> str | None:
    """The commit a revision stands for, or None.

    Tried in this order: full commit id, full ref (``refs/pr/1``, ``refs/convert/x``, …),
    branch, tag, short commit id (4 digits or more, if it is unambiguous).
    """
    if _FULL.fullmatch(revision):
        return _commit_id(repo, revision)
    if revision.startswith("refs/"):
        return target_of(repo, revision) if revision.startswith(_READABLE) else None
    if not revision or not pygit2.reference_is_valid_name(BRANCH + revision):
        return None
    found = target_of(repo, BRANCH + revision) or target_of(repo, TAG + revision)
    if found is None and _SHORT.fullmatch(revision):
        found = _commit_id(repo, revision)
    return found


def entry(repo: Repository, commit: str, path: str) -> TreeEntry | None:
    """The file or folder at a path, or None. The empty path is the root folder."""
    tree = _tree(repo, commit)
    path = path.strip("/")
    if not path:
        return TreeEntry("", str(tree.id), int(FileMode.TREE), 0, None)
    try:
        found = tree[path]
    except (KeyError, ValueError):
        return None
    return _entry(repo, path, found)


def read_blob(repo: Repository, oid: str, *, limit: int | None = None) -> bytes:
    """The bytes of a blob. Raises EntryMissing when it is not there or longer than ``limit``."""
    try:
        if limit is not None and blob_size(repo, oid) > limit:
            raise EntryMissing("The file is too large to be read at once.")
        blob = repo[oid]
    except (KeyError, ValueError):
        raise EntryMissing("There is no such file in the repository.") from None
    if not isinstance(blob, pygit2.Blob):
        raise EntryMissing("This is a folder, not a file.")
    return blob.data


def read_file(repo: Repository, commit: str, path: str, *, limit: int | None = None) -> bytes:
    """The bytes of a file (the pointer's text for a large object). Raises EntryMissing."""
    found = entry(repo, commit, path)
    if found is None or found.is_folder:
        raise EntryMissing(f"There is no file {path!r} at this revision.")
    return read_blob(repo, found.oid, limit=limit)


def blob_size(repo: Repository, oid: str) -> int:
    """The length of a blob in bytes, read from its header only."""
    return int(repo.odb.read_header(pygit2.Oid(hex=oid))[1])


def iter_tree(
    repo: Repository, commit: str, path: str = "", *, recursive: bool = True, pointers: bool = True
) -> Iterator[TreeEntry]:
    """Files and folders below a path, in git's order, each folder before what is in it.

    Raises EntryMissing when the path is no folder. Submodules are left out.
    ``pointers=False`` skips opening small blobs (ten times faster).
    """
    tree = _tree(repo, commit)
    path = path.strip("/")
    if path:
        try:
            inner = tree[path]
        except (KeyError, ValueError):
            inner = None
        if not isinstance(inner, pygit2.Tree):
            raise EntryMissing(f"There is no folder {path!r} at this revision.")
        tree = inner
    yield from _walk(repo, tree, path + "/" if path else "", recursive=recursive, pointers=pointers)


def file_names(repo: Repository, commit: str, path: str = "") -> list[str]:
    """The names of the files, not folders, right in a folder; none when there is no such folder."""
    tree = _tree(repo, commit)
    try:
        folder = tree[path] if path else tree
    except KeyError:
        return []
    return [one.name for one in folder if isinstance(one, pygit2.Blob)] if isinstance(folder, pygit2.Tree) else []


def log(repo: Repository, start: str, *, skip: int = 0, limit: int = 50, path: str | None = None) -> list[CommitInfo]:
    """Commits from ``start`` backwards, newest first. With ``path`` only those that touched it."""
    if path is None:
        walker = repo.walk(pygit2.Oid(hex=_required(repo, start)), SortMode.TOPOLOGICAL | SortMode.TIME)
        return [
            commit_info(commit) for number, commit in zip(range(skip + limit), walker, strict=False) if number >= skip
        ]
    listing = run_git(
        Path(repo.path), "rev-list", f"--skip={skip}", f"--max-count={limit}", start, "--", f":(literal){path}"
    )
    return [commit_info(repo[oid]) for oid in listing.decode().split()]


def count_commits(repo: Repository, start: str) -> int:
    """How many commits lead up to ``start``, itself included."""
    return int(run_git(Path(repo.path), "rev-list", "--count", _required(repo, start)))


def is_ancestor(repo: Repository, old: str, new: str) -> bool:
    """Does ``new`` build upon ``old`` (or equal it)? False for a rewritten history."""
    return old == new or bool(repo.descendant_of(pygit2.Oid(hex=new), pygit2.Oid(hex=old)))


def is_part_of(repo: Repository, old: str, new: str) -> bool:
    """`is_ancestor` for a commit that may have been pruned."""
    return _commit_id(repo, old) is not None and is_ancestor(repo, old, new)


def leads_to_any(repo: Repository, commit: str, tips: Iterable[str]) -> bool:
    """Is the commit part of the history of one of `tips`? Those that were pruned count for nothing."""
    if _commit_id(repo, commit) is None:
        return False
    request = "\n".join([commit, *(f"^{tip}" for tip in tips), ""]).encode()
    return not run_git(Path(repo.path), "rev-list", "--max-count=1", "--ignore-missing", "--stdin", stdin=request)


def commit_info(commit: pygit2.Commit) -> CommitInfo:
    """A commit in plain words."""
    message = commit.message
    return CommitInfo(
        oid=str(commit.id),
        title=message.split("\n", 1)[0],
        message=message.partition("\n")[2].strip("\n"),
        author_name=commit.author.name,
        author_email=commit.author.email,
        when=commit.commit_time,
        parents=tuple(str(parent) for parent in commit.parent_ids),
    )


def read_commit(repo: Repository, oid: str) -> CommitInfo:
    """One commit by its full id. Raises RefMissing."""
    return commit_info(repo[_required(repo, oid)])


def difference(repo: Repository, old: str | None, new: str | None) -> Difference:
    """What changes between two commits (None stands for an empty tree); no renames."""
    found = Difference([], [])
    old_tree, new_tree = (str(_tree(repo, commit).id) if commit is not None else None for commit in (old, new))
    _compare(repo, old_tree, new_tree, "", found)
    return found


def unified_diff(
    repo: Repository, old: str | None, new: str, *, path: str | None = None, limit: int = 1_000_000
) -> str:
    """The change as text a person reads, of one file or all; cut at ``limit`` bytes."""
    base = old or "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's empty tree
    text = run_git(
        Path(repo.path), "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--full-index", "-M", base, new, "--",
        *([f":(literal){path}"] if path else []), config={"core.quotePath": "false"},
    )  # fmt: skip
    return text[:limit].decode("utf-8", "replace")


def follow(repo: Repository, start: str, path: str, *, skip: int = 0, limit: int = 50) -> list[tuple[CommitInfo, str]]:
    """Commits that changed a file, newest first, also under the names it had before; with its name after each."""
    listing = run_git(
        Path(repo.path), "log", "--follow", "--format=%x01%H", "--name-status", "-z", "-M", f"--skip={skip}",
        f"--max-count={limit}", _required(repo, start), "--", f":(literal){path}",
    )  # fmt: skip
    found = []
    for block in listing.split(b"\x01")[1:]:
        # <oid> NUL-or-newline <status> NUL <path> NUL [<new path> NUL]
        oid, words = block[:40].decode(), [word for word in block[40:].lstrip(b"\0\n").split(b"\0") if word]
        name = words[-1].decode("utf-8", "surrogateescape") if len(words) > 1 else path
        found.append((commit_info(repo[oid]), name))
    return found


def last_commits(repo: Repository, commit: str) -> dict[str, str]:
    """For each file at a commit, the commit that last changed it (first-parent history).

    One pass over the history by ``git log``; for rebuilding an index, not for a request.
    """
    wanted = {entry.path for entry in iter_tree(repo, commit, pointers=False) if not entry.is_folder}
    listing = run_git(
        Path(repo.path), "log", "--format=%x01%H", "--name-only", "-z", "--no-renames",
        "--first-parent", "-m", "--root", _required(repo, commit), "--",
    )  # fmt: skip
    found: dict[str, str] = {}
    current = ""
    for word in listing.split(b"\0"):
        text = word.lstrip(b"\n").decode("utf-8", "surrogateescape")
        if text.startswith("\x01"):
            current = text[1:]
        elif text in wanted and text not in found:
            found[text] = current
    return found


def _commit_id(repo: Repository, revision: str) -> str | None:
    try:
        found = repo.get(revision)
    except ValueError:  # an ambiguous prefix
        return None
    return str(found.id) if isinstance(found, pygit2.Commit) else None


def _required(repo: Repository, oid: str) -> str:
    found = _commit_id(repo, oid)
    if found is None:
        raise RefMissing("Invalid rev id")
    return found


def _tree(repo: Repository, commit: str) -> pygit2.Tree:
    return repo[_required(repo, commit)].tree


def _entry(repo: Repository, path: str, found: pygit2.Object, *, pointers: bool = True) -> TreeEntry:
    oid, mode = str(found.id), int(found.filemode)
    if mode == int(FileMode.TREE) or found.type == ObjectType.COMMIT:
        return TreeEntry(path, oid, mode, 0, None)
    return _file(repo, path, oid, mode, pointers=pointers)


def _file(repo: Repository, path: str, oid: str, mode: int, *, pointers: bool = True) -> TreeEntry:
    size = blob_size(repo, oid)
    pointer = None
    if pointers and 0 < size <= MAX_POINTER_SIZE and mode != int(FileMode.LINK):
        pointer = parse_pointer(repo[oid].data)
    return TreeEntry(path, oid, mode, size, pointer)


def _walk(repo: Repository, tree: pygit2.Tree, prefix: str, *, recursive: bool, pointers: bool) -> Iterator[TreeEntry]:
    for found in tree:
        if int(found.filemode) == int(FileMode.COMMIT):
            continue
        yield _entry(repo, prefix + found.name, found, pointers=pointers)
        if recursive and isinstance(found, pygit2.Tree):
            yield from _walk(repo, found, f"{prefix}{found.name}/", recursive=True, pointers=pointers)


def _compare(repo: Repository, old: str | None, new: str | None, prefix: str, found: Difference) -> None:
    """Walk two trees side by side, None for an empty one; what is equal is skipped whole."""
    before, now = (rows_of(repo, tree) if tree is not None else {} for tree in (old, new))
    for name in sorted({name for name, _row in before.items() ^ now.items()}):
        was, leaf = (parse_row(rows[name]) if name in rows else None for rows in (before, now))
        old_tree, new_tree = (one.oid if one is not None and one.mode == TREE_MODE else None for one in (was, leaf))
        path = prefix + name_text(name)
        if old_tree or new_tree:
            _compare(repo, old_tree, new_tree, f"{path}/", found)
        if leaf is not None and leaf.mode not in (TREE_MODE, int(FileMode.COMMIT)):
            found.changed.append(_file(repo, path, leaf.oid, leaf.mode))
        elif was is not None and old_tree is None:
            found.deleted.append(path)
