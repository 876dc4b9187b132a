"""What lies in a job's folder: lists of it, and single files. No Django here.

The job wrote it, and may be writing still. So nothing is believed: no link is followed, only regular files are
opened, a pipe is not waited for, and every list ends. What is gone a moment later was never there.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

# At the top: copies of what is on the hub anyway, with what its clients keep beside them.
HIDDEN = frozenset({".cache"})
MOST_ENTRIES = 500  # of one folder
MOST_FILES = 10_000  # of all folders
MOST_DEPTH = 32
LOOKED_AT = 4  # times as many names as are listed at most, for others may be links and pipes

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without blocking: the name might be a pipe that nobody writes to.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Entry:
    """`path` is below the job's folder; `modified` is None where the job set a time that no calendar has."""

    path: str
    is_folder: bool
    size: int
    modified: datetime | None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Listing:
    """`is_whole` is False when there is more than is listed."""

    entries: list[Entry]
    is_whole: bool


def open_inside(root: Path, path: str) -> BinaryIO | None:
    """The regular file at this path below `root`; None when there is none, or it is not for looking at."""
    parts = _parts(path)
    if not parts:
        return None
    with suppress(OSError), _opened(root, parts[:-1]) as here:
        descriptor = os.open(parts[-1], _FILE, dir_fd=here)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
    return None


def list_folder(root: Path, path: str = "", *, most: int = MOST_ENTRIES) -> Listing | None:
    """Files and folders right in one folder, folders first; None when there is no such folder."""
    found = _look(root, path, most * LOOKED_AT)
    if found is None:
        return None
    entries, looked_at = found
    entries.sort(key=lambda entry: (not entry.is_folder, entry.name))
    return Listing(entries[:most], len(entries) <= most and looked_at <= most * LOOKED_AT)


def list_files(root: Path, path: str = "", *, most: int = MOST_FILES) -> Listing | None:
    """All files below a folder, by path; None when there is no such folder."""
    if _look(root, path, 0) is None:
        return None
    files: list[Entry] = []
    waiting, left, is_whole = [path], most * LOOKED_AT, True
    while waiting and left > 0:
        entries, looked_at = _look(root, waiting.pop(), left) or ([], 0)
        left -= max(1, looked_at)
        files += [entry for entry in entries if not entry.is_folder]
        folders = [entry.path for entry in entries if entry.is_folder]
        waiting += [each for each in folders if each.count("/") < MOST_DEPTH]
        is_whole = is_whole and all(each.count("/") < MOST_DEPTH for each in folders)
    is_whole = is_whole and left >= 0 and not waiting and len(files) <= most
    return Listing(sorted(files, key=lambda entry: entry.path)[:most], is_whole)


def _look(root: Path, path: str, most: int) -> tuple[list[Entry], int] | None:
    """What is to be seen in one folder, and how many names were looked at: `most` + 1 where there are more."""
    parts = _parts(path)
    if parts is None:
        return None
    with suppress(OSError), _opened(root, parts) as here, os.scandir(here) as found:
        looked = list(islice(found, most + 1))
        return [entry for each in looked[:most] if (entry := _entry(each, parts))], len(looked)
    return None


def _entry(found: os.DirEntry[str], folder: list[str]) -> Entry | None:
    """None for links, pipes and whatever else is not for looking at."""
    parts = _parts("/".join([*folder, found.name]))
    with suppress(OSError):
        facts = found.stat(follow_symlinks=False)
        is_folder = stat.S_ISDIR(facts.st_mode)
        if parts and (is_folder or stat.S_ISREG(facts.st_mode)):
            return Entry("/".join(parts), is_folder, facts.st_size, _moment(facts.st_mtime))
    return None


def _moment(seconds: float) -> datetime | None:
    with suppress(OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(seconds, UTC)
    return None


def _parts(path: str) -> list[str] | None:
    """The names in a path below a job's folder; None for one that leads elsewhere, is hidden or cannot be shown."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    hidden = parts[:1] and parts[0] in HIDDEN
    return None if path.startswith("/") or ".." in parts or hidden or not all(map(_is_shown, parts)) else parts


def _is_shown(name: str) -> bool:
    """Whether an address and a header can carry it: no line breaks and the like, nothing but Unicode."""
    return not any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in name)


@contextmanager
def _opened(root: Path, parts: list[str]) -> Iterator[int]:
    here = os.open(root, _FOLDER)
    try:
        for part in parts:
            before, here = here, os.open(part, _FOLDER, dir_fd=here)
            os.close(before)
        yield here
    finally:
        os.close(here)
