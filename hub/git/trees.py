"""Changing a tree: only folders that are touched are read and written anew."""

from collections.abc import Iterator
from dataclasses import dataclass

import pygit2
from pygit2.enums import FileMode, ObjectType

from hub.git.errors import EntryMissing, InvalidPath
from hub.git.packs import NewObject, object_id
from hub.git.repositories import Repository

TREE_MODE = int(FileMode.TREE)
FILE_MODE = int(FileMode.BLOB)
EXECUTABLE_MODE = int(FileMode.BLOB_EXECUTABLE)


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a tree holds under a name: a file, a link, a submodule or an untouched folder."""

    mode: int
    oid: str


class _Folder:
    """A folder under change."""

    __slots__ = ("entries",)

    def __init__(self, entries: dict[str, "Leaf | _Folder"]) -> None:
        self.entries = entries


class TreeEdit:
    """A tree and changes to it, in order; ``write`` gives the new tree and its objects."""

    def __init__(self, repo: Repository, base: str | None) -> None:
        self._repo = repo
        self._root = _Folder(self._read(base) if base else {})
        self._before: dict[str, Leaf | None] = {}
        self._put: dict[str, Leaf] = {}
        self._removed: set[str] = set()

    def put(self, path: str, oid: str, mode: int | None = None) -> None:
        """Set a file. Without ``mode`` an executable file stays executable.

        Raises InvalidPath when a folder is in the way, or a file where a folder should be.
        """
        *parents, name = path.split("/")
        folder = self._open(parents, path)
        old = folder.entries.get(name)
        if isinstance(old, _Folder) or (old and old.mode == TREE_MODE):
            raise InvalidPath(f"The path {path!r} is a folder; remove it first.")
        if mode is None:
            mode = EXECUTABLE_MODE if old and old.mode == EXECUTABLE_MODE else FILE_MODE
        if path not in self._before:
            self._before[path] = old
        leaf = Leaf(mode, oid)
        folder.entries[name] = leaf
        self._put[path] = leaf

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all in it. Raises EntryMissing."""
        names = path.split("/")
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

    def find(self, path: str) -> Leaf | None:
        """The entry at a path as it is now (a touched folder counts as absent)."""
        folder = self._root
        *parents, name = path.split("/")
        for parent in parents:
            inner = self._enter(folder, parent)
            if inner is None:
                return None
            folder = inner
        entry = folder.entries.get(name)
        return entry if isinstance(entry, Leaf) else None

    def write(self, objects: dict[str, NewObject]) -> str:
        """Add the changed trees to ``objects`` and give the id of the root."""
        return self._write(self._root, objects)

    def changed(self) -> dict[str, Leaf]:
        """Files that are new or differ from the base."""
        return {path: leaf for path, leaf in self._put.items() if self._before[path] != leaf}

    def deleted(self) -> list[str]:
        """Files of the base that are gone."""
        return sorted(path for path in self._removed if path not in self._put and self._before[path])

    def _read(self, oid: str) -> dict[str, "Leaf | _Folder"]:
        tree = self._repo[oid]
        return {entry.name: Leaf(int(entry.filemode), str(entry.id)) for entry in tree}

    def _enter(self, folder: _Folder, name: str) -> _Folder | None:
        entry = folder.entries.get(name)
        if isinstance(entry, Leaf):
            if entry.mode != TREE_MODE:
                return None
            entry = _Folder(self._read(entry.oid))
            folder.entries[name] = entry
        return entry

    def _open(self, parents: list[str], path: str) -> _Folder:
        folder = self._root
        for name in parents:
            inner = self._enter(folder, name)
            if inner is None:
                if name in folder.entries:
                    raise InvalidPath(f"The path {path!r} goes through {name!r}, which is a file.")
                inner = _Folder({})
                folder.entries[name] = inner
            folder = inner
        return folder

    def _files(self, path: str, entry: "Leaf | _Folder") -> Iterator[tuple[str, Leaf]]:
        if isinstance(entry, Leaf) and entry.mode != TREE_MODE:
            yield path, entry
            return
        entries = entry.entries if isinstance(entry, _Folder) else self._read(entry.oid)
        for name, inner in entries.items():
            yield from self._files(f"{path}/{name}", inner)

    def _write(self, folder: _Folder, objects: dict[str, NewObject]) -> str:
        rows = []
        for name, entry in folder.entries.items():
            leaf = entry if isinstance(entry, Leaf) else Leaf(TREE_MODE, self._write(entry, objects))
            raw = name.encode("utf-8", "surrogateescape")
            # git sorts folders as if their names ended in a slash.
            key = raw + b"/" if leaf.mode == TREE_MODE else raw
            rows.append((key, b"%o %s\0" % (leaf.mode, raw) + bytes.fromhex(leaf.oid)))
        data = b"".join(row for _, row in sorted(rows))
        oid = object_id(ObjectType.TREE, data)
        objects[oid] = NewObject(ObjectType.TREE, data)
        return oid


def lookup(repo: Repository, tree: pygit2.Tree, path: str) -> Leaf | None:
    """The entry at a path of a tree, or None."""
    try:
        entry = tree[path]
    except KeyError:
        return None
    return Leaf(int(entry.filemode), str(entry.id))
