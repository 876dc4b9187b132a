"""Small values by name that lie beside objects: indexes of xorbs and recipes of files."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from hub.storage.objects import StoredObject, check_name, move_file, write_file


class Records(Protocol):
    """What the Xet store needs of them; a value appears whole or not at all, and durably."""

    def get(self, name: str) -> bytes | None: ...
    def put(self, name: str, data: bytes) -> None: ...
    def version(self, name: str) -> str | None: ...
    def touch(self, name: str) -> bool: ...
    def stored_at(self, name: str) -> float | None: ...
    def delete(self, name: str) -> bool: ...
    def items(self) -> Iterator[StoredObject]: ...
    def discard(self, name: str, trash: Path) -> bool: ...
    def put_back(self, name: str, trash: Path) -> bool: ...


class LocalRecords:
    """Records as files: ``root/ab/cd/<name>``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, name: str) -> bytes | None:
        """A value, or None."""
        try:
            return self._place(name).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, name: str, data: bytes) -> None:
        """Keep a value in the place of what was there."""
        write_file(self._place(name), data)

    def version(self, name: str) -> str | None:
        """Tells apart what stood under the same name at different times; None when there is nothing."""
        try:
            return str(self._place(name).stat().st_mtime_ns)
        except FileNotFoundError:
            return None

    def touch(self, name: str) -> bool:
        """Let a value count as fresh; False when it is not there."""
        try:
            os.utime(self._place(name))
        except FileNotFoundError:
            return False
        return True

    def stored_at(self, name: str) -> float | None:
        """When it was put or touched (Unix seconds), or None."""
        try:
            return self._place(name).stat().st_mtime
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> bool:
        """Forget a value; False when it was gone."""
        try:
            self._place(name).unlink()
        except FileNotFoundError:
            return False
        return True

    def items(self) -> Iterator[StoredObject]:
        """All of them, in no order; those that vanish meanwhile are left out."""
        for path in self.root.glob("??/??/[0-9a-f]*"):
            with suppress(FileNotFoundError):
                facts = path.stat()
                yield StoredObject(path.name, facts.st_size, facts.st_mtime)

    def discard(self, name: str, trash: Path) -> bool:
        """Move a value into a folder of the same file system; False when it is gone."""
        if not self._place(name).exists():
            return False
        move_file(self._place(name), trash / name)
        return True

    def put_back(self, name: str, trash: Path) -> bool:
        """Undo `discard`; False when the folder has none. One that came anew meanwhile stays."""
        if not (trash / name).is_file():
            return False
        if self._place(name).exists():
            (trash / name).unlink()
        else:
            move_file(trash / name, self._place(name))
        return True

    def _place(self, name: str) -> Path:
        check_name(name)
        return self.root / name[:2] / name[2:4] / name
