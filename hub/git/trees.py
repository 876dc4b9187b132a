"""Changing a tree: only folders that are touched are read and written anew."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from pygit2.enums import FileMode, ObjectType

from hub.git.errors import EntryMissing, InvalidPath
from hub.git.packs import NewObject, object_id
from hub.git.repositories import Repository

TREE_MODE = int(FileMode.TREE)
_FILE, _EXECUTABLE, _TREE = b"100644", b"100755", b"40000"
# <mode> SP <name> NUL <20 bytes of id>; git's own fsck only warns of zeros before a mode.
_ROW = re.compile(rb"0*([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)


class Leaf(NamedTuple):
    """What a tree holds under a name: a file, a link, a submodule or an untouched folder.

    Mode and id are as they lie in the tree: of ten thousand entries of a folder, one or two are changed.
    """

    raw_mode: bytes
    raw_oid: bytes

    @property
    def mode(self) -> int:
        return int(self.raw_mode, 8)

    @property
    def oid(self) -> str:
        return self.raw_oid.hex()


class _Folder:
    """A folder under change."""

    __slots__ = ("entries",)

    def __init__(self, entries: dict[bytes, "Leaf | _Folder"]) -> None:
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
        *parents, name = _names(path)
        folder = self._open(parents, path)
        old = folder.entries.get(name)
        if isinstance(old, _Folder) or (old and old.raw_mode == _TREE):
            raise InvalidPath(f"The path {path!r} is a folder; remove it first.")
        if mode is not None:
            raw_mode = b"%o" % mode
        else:
            raw_mode = _EXECUTABLE if old and old.raw_mode == _EXECUTABLE else _FILE
        if path not in self._before:
            self._before[path] = old
        leaf = Leaf(raw_mode, bytes.fromhex(oid))
        folder.entries[name] = leaf
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

    def _read(self, oid: str) -> dict[bytes, "Leaf | _Folder"]:
        raw = self._repo[oid].read_raw()
        return {name: Leaf(mode, raw_oid) for mode, name, raw_oid in _ROW.findall(raw)}

    def _enter(self, folder: _Folder, name: bytes) -> _Folder | None:
        entry = folder.entries.get(name)
        if isinstance(entry, Leaf):
            if entry.raw_mode != _TREE:
                return None
            entry = _Folder(self._read(entry.oid))
            folder.entries[name] = entry
        return entry

    def _open(self, parents: list[bytes], path: str) -> _Folder:
        folder = self._root
        for name in parents:
            inner = self._enter(folder, name)
            if inner is None:
                if name in folder.entries:
                    raise InvalidPath(f"The path {path!r} goes through {_text(name)!r}, which is a file.")
                inner = _Folder({})
                folder.entries[name] = inner
            folder = inner
        return folder

    def _files(self, path: str, entry: "Leaf | _Folder") -> Iterator[tuple[str, Leaf]]:
        if isinstance(entry, Leaf) and entry.raw_mode != _TREE:
            yield path, entry
            return
        entries = entry.entries if isinstance(entry, _Folder) else self._read(entry.oid)
        for name, inner in entries.items():
            yield from self._files(f"{path}/{_text(name)}", inner)

    def _write(self, folder: _Folder, objects: dict[str, NewObject]) -> str:
        rows = []
        for name, entry in folder.entries.items():
            mode, raw = entry if isinstance(entry, Leaf) else (_TREE, bytes.fromhex(self._write(entry, objects)))
            # git sorts folders as if their names ended in a slash.
            key = name + b"/" if mode == _TREE else name
            rows.append((key, b"%b %b\0%b" % (mode, name, raw)))
        data = b"".join(row for _, row in sorted(rows))
        oid = object_id(ObjectType.TREE, data)
        objects[oid] = NewObject(ObjectType.TREE, data)
        return oid


def _names(path: str) -> list[bytes]:
    return path.encode("utf-8", "surrogateescape").split(b"/")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
