"""Copies the folder that one job wrote for another one. No Django here.

Nothing in it is trusted: links are copied as links and never followed, pipes and devices stay behind,
and every file is written anew, so that the two folders share nothing.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

BLOCK = 4096  # what even an empty file, a link or a folder counts as
CHUNK = 2**20
MOST_DEPTH = 64
READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FOLDER = READING | os.O_DIRECTORY
# Not for reading, a socket, or another thing than a moment ago.
UNREADABLE = frozenset({errno.EACCES, errno.EPERM, errno.ENXIO, errno.ELOOP, errno.ENOTDIR})


class CopyRefused(Exception):
    """The folder is not copied, and that is not the machine's fault. The message says why."""


@dataclass(frozen=True)
class Copied:
    """`left_out` counts what is neither file nor folder nor link, and what may not be read."""

    files: int
    size: int
    left_out: int


def copy_folder(
    source: Path,
    target: Path,
    *,
    owner: int | None,
    most: int,
    pulse: Callable[[], None],
    before_rename: Callable[[], None],
    without: frozenset[str] = frozenset(),
) -> Copied:
    """Make `target` a copy of `source`, at most `most` bytes, except for the names `without` at its top.

    The copy appears in one rename: whoever is killed before leaves no `target`. `pulse` is called often,
    `before_rename` once; each may raise to end it all. Raises CopyRefused.
    """
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    copier = _Copier(owner, most, pulse)
    try:
        with _opened(source) as here:
            unfinished.mkdir(mode=0o700)
            with _opened(unfinished) as there:
                copier.copy(here, there, depth=0, without=without)
        before_rename()
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Copied(copier.files, copier.size, copier.left_out)


class _Copier:
    def __init__(self, owner: int | None, most: int, pulse: Callable[[], None]) -> None:
        self.files = self.size = self.left_out = 0
        self._owner = owner
        self._most = most
        self._pulse = pulse

    def copy(self, source: int, target: int, *, depth: int, without: frozenset[str] = frozenset()) -> None:
        if depth > MOST_DEPTH:
            raise CopyRefused(f"It holds folders more than {MOST_DEPTH} deep.")
        with os.scandir(source) as entries:
            for entry in entries:
                self._pulse()
                if entry.name not in without:
                    self._copy_entry(entry, source, target, depth)

    def _copy_entry(self, entry: os.DirEntry[str], source: int, target: int, depth: int) -> None:
        with ExitStack() as opened:
            try:
                if entry.is_symlink():
                    leads_to, here = os.readlink(entry.name, dir_fd=source), -1
                else:
                    is_folder = entry.is_dir(follow_symlinks=False)
                    here = os.open(entry.name, FOLDER if is_folder else READING, dir_fd=source)
                    opened.callback(os.close, here)
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno not in UNREADABLE:
                    raise
                self.left_out += 1
                return
            if here < 0:
                self._link(leads_to, entry.name, target)
            elif stat.S_ISDIR(mode := os.fstat(here).st_mode):
                self._folder(here, entry.name, target, mode, depth)
            elif stat.S_ISREG(mode):
                self._file(here, entry.name, target)
            else:
                self.left_out += 1

    def _folder(self, source: int, name: str, target: int, mode: int, depth: int) -> None:
        self._take(BLOCK)
        os.mkdir(name, 0o700, dir_fd=target)
        with _opened(name, dir_fd=target) as made:
            self.copy(source, made, depth=depth + 1)
            # Whatever else it was: a folder that its own job cannot use serves nobody.
            self._hand_over(made, mode | stat.S_IRWXU)

    def _file(self, source: int, name: str, target: int) -> None:
        made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=target)
        with os.fdopen(made, "wb", buffering=0) as file:
            size = 0
            while chunk := os.read(source, CHUNK):
                self._pulse()
                self._take(len(chunk))
                size += len(chunk)
                left = memoryview(chunk)
                while left:
                    left = left[file.write(left) :]
            self._take(-size % BLOCK if size else BLOCK)
            facts = os.fstat(source)
            self._hand_over(made, facts.st_mode)
            os.utime(made, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        self.files += 1

    def _link(self, leads_to: str, name: str, target: int) -> None:
        self._take(BLOCK)
        os.symlink(leads_to, name, dir_fd=target)
        if self._owner is not None:
            os.chown(name, self._owner, self._owner, dir_fd=target, follow_symlinks=False)

    def _hand_over(self, made: int, mode: int) -> None:
        if self._owner is not None:
            os.fchown(made, self._owner, self._owner)
        os.fchmod(made, mode & 0o777)

    def _take(self, size: int) -> None:
        self.size += size
        if self.size > self._most:
            raise CopyRefused(f"It holds more than the {_size(self._most)} that this flavor gives a job.")


@contextmanager
def _opened(folder: Path | str, *, dir_fd: int | None = None) -> Iterator[int]:
    descriptor = os.open(folder, FOLDER, dir_fd=dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _size(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
