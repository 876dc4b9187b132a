"""Small values by name that lie beside objects: indexes of xorbs and recipes of files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from hub.storage.objects import check_name, write_file


class Records(Protocol):
    """What the Xet store needs of them; a value appears whole or not at all, and durably."""

    def get(self, name: str) -> bytes | None: ...
    def put(self, name: str, data: bytes) -> None: ...
    def version(self, name: str) -> str | None: ...
    def delete(self, name: str) -> bool: ...
    def names(self) -> Iterator[str]: ...


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

    def delete(self, name: str) -> bool:
        """Forget a value; False when it was gone."""
        try:
            self._place(name).unlink()
        except FileNotFoundError:
            return False
        return True

    def names(self) -> Iterator[str]:
        """All names, in no order."""
        for path in self.root.glob("??/??/*"):
            if not path.name.startswith("."):
                yield path.name

    def _place(self, name: str) -> Path:
        check_name(name)
        return self.root / name[:2] / name[2:4] / name
