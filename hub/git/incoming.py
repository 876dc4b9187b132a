"""A repository of another server on its way in: its pack waits beside ours until it was looked at.

The stage is a folder of objects that nobody reads, in the shape of a bare repository. What
arrived whole is written down in it, so that a later process need not fetch it again.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path

import pygit2

from hub.git import repositories
from hub.git.errors import GitError
from hub.git.processes import environment
from hub.git.refs import BRANCH, TAG, RefUpdate
from hub.git.repositories import Repository, open_repository
from hub.git.smart_http import Push

_TIPS = "tips"
_ENDINGS = (".pack", ".rev", ".idx")  # git takes a pack for whole once its index is there


def prepare(stage: Path) -> None:
    """Make a stage, or take up the one that is there."""
    if not repositories.exists(stage):
        repositories.create(stage)
    touch(stage)


def touch(stage: Path) -> None:
    """Somebody is still at it: what lies idle for a day is swept."""
    with suppress(FileNotFoundError):
        os.utime(stage)


def tips(stage: Path) -> set[str]:
    """Ids that arrived with all that leads to them."""
    try:
        return set((stage / _TIPS).read_text().split())
    except FileNotFoundError:
        return set()


def take_pack(
    stage: Path,
    blocks: Iterable[bytes],
    wanted: Collection[str],
    *,
    base: Path | None,
    limit: int,
    seconds: float,
    tick: Callable[[int], None],
) -> None:
    """Store a pack, checked object by object as a push is, and note that `wanted` arrived with it.

    `base` is the repository that it builds on. `tick` hears of bytes as they come, and of none now
    and then. Raises GitError when git refuses the pack, or works on it for longer than `seconds`.
    """
    end = time.monotonic() + seconds
    command = ["git", "--git-dir", str(stage), "index-pack", "--stdin", "--strict", f"--max-input-size={limit}"]
    env = environment()
    if base is not None:
        env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = str(base / "objects")
    with (
        tempfile.TemporaryFile() as words,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=words, env=env, start_new_session=True
        ) as process,
    ):
        try:
            _feed(process, blocks, tick)
            while _is_running(process):
                tick(0)
                if time.monotonic() > end:
                    raise GitError("git took too long over what the source sent")
        except BaseException:
            process.kill()
            raise
        if process.returncode != 0:
            words.seek(0)
            text = words.read()[-500:].decode("utf-8", "replace").strip()
            raise GitError(f"git refused what the source sent: {text}")
    (stage / _TIPS).write_text("\n".join({*tips(stage), *wanted}))


def as_push(stage: Path, base: Path | None, updates: list[RefUpdate]) -> Push:
    """What lies in the stage, to be checked like a push to the repository that it is for."""
    objects = stage / "objects"
    return Push(open_repository(base, quarantine=objects) if base else open_repository(stage), objects, updates)


def adopt(stage: Path, target: Path) -> None:
    """Give the packs to a repository; its refs are for the caller to move."""
    source, place = stage / "objects" / "pack", target / "objects" / "pack"
    place.mkdir(parents=True, exist_ok=True)
    for ending in _ENDINGS:
        for file in source.glob(f"pack-*{ending}"):
            _link(file, place / file.name)
    folder = os.open(place, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def targets(repo: Repository) -> dict[str, str]:
    """Branches and tags by full name, an annotated tag by its own id."""
    names = [name for name in repo.references if name.startswith((BRANCH, TAG))]
    return {name: str(repo.references[name].target) for name in names}


def is_ancestor(repo: Repository, old: str, new: str) -> bool:
    """Does one build on the other? Ids may be those of annotated tags; False when one leads to no commit."""
    try:
        first, second = (repo[oid].peel(pygit2.Commit).id for oid in (old, new))
    except (KeyError, ValueError, pygit2.GitError):
        return False
    return first == second or bool(repo.descendant_of(second, first))


def _feed(process: "subprocess.Popen[bytes]", blocks: Iterable[bytes], tick: Callable[[int], None]) -> None:
    assert process.stdin is not None
    try:
        for block in blocks:
            process.stdin.write(block)
            tick(len(block))
        process.stdin.close()
    except BrokenPipeError:
        with suppress(BrokenPipeError):
            process.stdin.close()


def _is_running(process: "subprocess.Popen[bytes]") -> bool:
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        return True
    return False


def _link(file: Path, place: Path) -> None:
    if place.exists():
        return
    try:
        os.link(file, place)
    except OSError:
        shutil.copy2(file, place)
