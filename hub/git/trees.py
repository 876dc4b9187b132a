"""Changing a tree: only folders that are touched are read and written anew."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pygit2.enums import FileMode, ObjectType

from hub.git.errors import EntryMissing, InvalidPath
from hub.git.packs import NewObject, object_id
from hub.git.repositories import Repository

TREE_MODE = int(FileMode.TREE)
_FILE_MODE = int(FileMode.BLOB)
_EXECUTABLE_MODE = int(FileMode.BLOB_EXECUTABLE)
_ROW = re.compile(rb"([0-7]+ ([^\0]+)\0.{20})", re.DOTALL)  # <mode> SP <name> NUL <20 bytes of id>
_TREE_ROWS = (b"40000 ", b"040000 ")  # git's own fsck only warns of the latter


class Leaf(NamedTuple):
    """What a tree holds under a name: a file, a link, a submodule or an untouched folder."""

    mode: int
    oid: str


class _Folder:
    """A folder under change: by name its rows as they lie in the tree, for only few of them are looked at."""

    __slots__ = ("entries",)

    def __init__(self, rows: Mapping[bytes, bytes]) -> None:
        self.entries: dict[bytes, bytes | _Folder] = dict(rows)


class TreeEdit:
    """A tree and changes to it, in order; ``write`` gives the new tree and its objects."""

    def __init__(self, repo: Repository, base: str | None) -> None:
        self._repo = repo
        self._root = _Folder(rows_of(self._repo, base) if base else {})
        self._before: dict[str, Leaf | None] = {}
        self._put: dict[str, Leaf] = {}
        self._removed: set[str] = set()

    def put(self, path: str, oid: str, mode: int | None = None) -> None:
        """Set a file. Without ``mode`` an executable file stays executable.

        Raises InvalidPath when a folder is in the way, or a file where a folder should be.
        """
        *parents, name = _names(path)
        folder = self._open(parents, path)
        row = folder.entries.get(name)
        if isinstance(row, _Folder) or (row and row.startswith(_TREE_ROWS)):
            raise InvalidPath(f"The path {path!r} is a folder; remove it first.")
        old = parse_row(row) if row else None
        if mode is None:
            mode = _EXECUTABLE_MODE if old and old.mode == _EXECUTABLE_MODE else _FILE_MODE
        if path not in self._before:
            self._before[path] = old
        leaf = Leaf(mode, oid)
        folder.entries[name] = _format(name, leaf)
        self._put[path] = leaf

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all in it. Raises EntryMissing."""
        names = _names(path)
        chain = [self._root]
        for name in names[:-1]:
            inner = self._enter(chain[-1], name)
            if inner is None:
                raise EntryMissing("A file with this name doesn't exist")
            chain.append(inner)
        entry = chain[-1].entries.pop(names[-1], None)
        if entry is None:
            raise EntryMissing("A file with this name doesn't exist")
        for file_path, leaf in self._files(path, entry):
            if file_path not in self._before:
                self._before[file_path] = leaf
            self._put.pop(file_path, None)
            self._removed.add(file_path)
        # git keeps no empty folders.
        for depth in range(len(chain) - 1, 0, -1):
            if chain[depth].entries:
                break
            del chain[depth - 1].entries[names[depth - 1]]

    def write(self, objects: dict[str, NewObject]) -> str:
        """Add the changed trees to ``objects`` and give the id of the root."""
        return self._write(self._root, objects)

    def changed(self) -> dict[str, Leaf]:
        """Files that are new or differ from the base."""
        return {path: leaf for path, leaf in self._put.items() if self._before[path] != leaf}

    def deleted(self) -> list[str]:
        """Files of the base that are gone."""
        return sorted(path for path in self._removed if path not in self._put and self._before[path])

    def _enter(self, folder: _Folder, name: bytes) -> _Folder | None:
        entry = folder.entries.get(name)
        if isinstance(entry, bytes):
            if not entry.startswith(_TREE_ROWS):
                return None
            entry = _Folder(rows_of(self._repo, parse_row(entry).oid))
            folder.entries[name] = entry
        return entry

    def _open(self, parents: list[bytes], path: str) -> _Folder:
        folder = self._root
        for name in parents:
            inner = self._enter(folder, name)
            if inner is None:
                if name in folder.entries:
                    raise InvalidPath(f"The path {path!r} goes through {name_text(name)!r}, which is a file.")
                inner = _Folder({})
                folder.entries[name] = inner
            folder = inner
        return folder

    def _files(self, path: str, entry: "bytes | _Folder") -> Iterator[tuple[str, Leaf]]:
        if isinstance(entry, bytes) and not entry.startswith(_TREE_ROWS):
            yield path, parse_row(entry)
            return
        entries = entry.entries if isinstance(entry, _Folder) else rows_of(self._repo, parse_row(entry).oid)
        for name, inner in entries.items():
            yield from self._files(f"{path}/{name_text(name)}", inner)

    def _write(self, folder: _Folder, objects: dict[str, NewObject]) -> str:
        rows = []
        for name, entry in folder.entries.items():
            row = entry if isinstance(entry, bytes) else _format(name, Leaf(TREE_MODE, self._write(entry, objects)))
            # git sorts folders as if their names ended in a slash.
            rows.append((name + b"/" if row.startswith(_TREE_ROWS) else name, row))
        data = b"".join(row for _, row in sorted(rows))
        oid = object_id(ObjectType.TREE, data)
        objects[oid] = NewObject(ObjectType.TREE, data)
        return oid


def rows_of(repo: Repository, oid: str) -> dict[bytes, bytes]:
    """The rows of a tree by name, as they lie in it."""
    return {name: row for row, name in _ROW.findall(repo[oid].read_raw())}


def parse_row(row: bytes) -> Leaf:
    head, _nul, oid = row.partition(b"\0")
    return Leaf(int(head.partition(b" ")[0], 8), oid.hex())


def _format(name: bytes, leaf: Leaf) -> bytes:
    return b"%o %b\0%b" % (leaf.mode, name, bytes.fromhex(leaf.oid))


def _names(path: str) -> list[bytes]:
    return path.encode("utf-8", "surrogateescape").split(b"/")


def name_text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
