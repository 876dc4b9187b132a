"""Keeping repositories quick: few packs, few loose objects, packed refs.

Run from a background worker, never in a request.
"""

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.git.errors import GitError
from hub.git.processes import run_git

MAX_PACKS = 50
MAX_LOOSE = 2_000

_HOUR = 3600.0


def pack_count(path: Path) -> int:
    """How many packs a repository has."""
    return sum(1 for name in _names(path / "objects" / "pack") if name.endswith(".pack"))


def loose_count(path: Path) -> int:
    """Roughly how many loose objects: one of the 256 folders, times 256."""
    return 256 * len(_names(path / "objects" / "17"))


def needs_repack(path: Path) -> bool:
    """Is it time? Cheap enough to ask after every commit."""
    return pack_count(path) > MAX_PACKS or loose_count(path) > MAX_LOOSE


def repack(path: Path) -> bool:
    """Roll packs and loose objects together, geometrically. False when somebody else does.

    Each pack ends up at least twice the size of all smaller ones, so that the work
    over a repository's life stays proportional to its size.
    """
    with _only_one(path) as mine:
        if not mine:
            return False
        drop_leftovers(path)
        run_git(
            path, "repack", "--geometric=2", "-d", "-q", "--write-midx", "--write-bitmap-index",
            timeout=_HOUR, low_priority=True,
        )  # fmt: skip
        run_git(path, "pack-refs", "--all", timeout=_HOUR)
        run_git(path, "commit-graph", "write", "--reachable", "--no-progress", timeout=_HOUR, low_priority=True)
    return True


def prune(path: Path, *, older_than: str = "2.weeks.ago") -> bool:
    """Drop objects that nothing reaches. False when somebody else works on the repository.

    The grace protects writers in flight, whose objects precede their ref.
    """
    with _only_one(path) as mine:
        if not mine:
            return False
        run_git(
            path, "repack", "-A", "-d", "-q", f"--unpack-unreachable={older_than}", timeout=_HOUR, low_priority=True
        )
        run_git(path, "prune", f"--expire={older_than}", timeout=_HOUR, low_priority=True)
        run_git(path, "commit-graph", "write", "--reachable", "--no-progress", timeout=_HOUR, low_priority=True)
    return True


def drop_leftovers(path: Path, *, older_than: float = 86400.0) -> int:
    """Remove quarantines of pushes whose processes were killed; gives their number."""
    limit = time.time() - older_than
    old = [folder for folder in (path / "objects").glob("tmp_objdir-*") if folder.stat().st_mtime < limit]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def check(path: Path) -> list[str]:
    """What ``git fsck`` finds wrong; an empty list is a sound repository."""
    try:
        output = run_git(path, "fsck", "--full", "--no-dangling", "--no-progress", timeout=_HOUR, low_priority=True)
    except GitError as error:
        return [str(error)]
    return output.decode("utf-8", "replace").splitlines()


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except FileNotFoundError:
        return []


@contextmanager
def _only_one(path: Path) -> Iterator[bool]:
    """A lock that dies with its process."""
    with (path / "maintenance.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
