"""Making, opening, copying and removing bare repositories."""

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pygit2
from pygit2 import Repository
from pygit2.enums import Option, RepositoryInitFlag, RepositoryOpenFlag

from hub.git.errors import GitError, InvalidRef
from hub.git.processes import run_git

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def _settle_libgit2() -> None:
    """Make libgit2 as independent of the machine's configuration as our git processes."""
    for level in (1, 2, 3, 4):  # programdata, system, xdg, global
        pygit2.option(Option.SET_SEARCH_PATH, level, "")
    pygit2.option(Option.SET_OWNER_VALIDATION, 0)
    pygit2.option(Option.ENABLE_FSYNC_GITDIR, 1)


_settle_libgit2()


def repository_path(root: Path, key: int | str) -> Path:
    """Where the repository with this id lives: ``root/ab/cd/<key>.git``.

    The two folders come from a digest of the key, so that no folder grows long
    and names tell nothing. Raises ValueError when the key is not a plain word.
    """
    word = str(key)
    if not _KEY.fullmatch(word):
        raise ValueError("a repository key is made of letters, digits, '-' and '_'")
    digest = hashlib.sha256(word.encode()).hexdigest()
    return root / digest[:2] / digest[2:4] / f"{word}.git"


def create(path: Path, *, default_branch: str = "main") -> Repository:
    """Make an empty bare repository. Raises GitError when something is there already.

    It is built beside its place and renamed into it: a half-made repository is
    never seen.
    """
    if path.exists():
        raise GitError("there is a repository at this place already")
    if not pygit2.reference_is_valid_name(f"refs/heads/{default_branch}"):
        raise InvalidRef(f"{default_branch!r} is not a name for a branch")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    pygit2.init_repository(
        str(fresh),
        bare=True,
        flags=RepositoryInitFlag.BARE | RepositoryInitFlag.NO_REINIT | RepositoryInitFlag.MKPATH,
        initial_head=default_branch,
    )
    shutil.rmtree(fresh / "hooks", ignore_errors=True)
    _move_into_place(fresh, path)
    return open_repository(path)


def open_repository(path: Path, *, quarantine: Path | None = None) -> Repository:
    """Open a repository (about 0.04 ms; do so per request, never share between threads).

    ``quarantine`` is an object directory whose objects are also seen: those of a
    push that is not accepted yet. Raises GitError when there is no repository.
    """
    try:
        repo = Repository(str(path), RepositoryOpenFlag.BARE | RepositoryOpenFlag.NO_SEARCH)
    except pygit2.GitError as error:
        raise GitError("the repository is not on disk") from error
    if quarantine is not None:
        repo.odb.add_disk_alternate(str(quarantine))
    return repo


def exists(path: Path) -> bool:
    """Is there a repository?"""
    return (path / "HEAD").is_file()


def delete(path: Path) -> None:
    """Remove a repository; harmless when it is gone. Readers see all of it or nothing."""
    doomed = path.with_name(f".{path.name}.{uuid.uuid4().hex}.deleted")
    try:
        path.rename(doomed)
    except FileNotFoundError:
        return
    shutil.rmtree(doomed, ignore_errors=True)


def move(source: Path, target: Path) -> None:
    """Give a repository another place on the same file system."""
    if target.exists():
        raise GitError("there is a repository at the new place already")
    target.parent.mkdir(parents=True, exist_ok=True)
    _move_into_place(source, target)


def duplicate(source: Path, target: Path) -> Repository:
    """Copy a repository: branches, tags and all they reach; no pull requests.

    Objects are hard-linked where the file system can (they never change), so the
    copy is quick and takes no room.
    """
    if target.exists():
        raise GitError("there is a repository at the new place already")
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    fresh.parent.mkdir(parents=True, exist_ok=True)
    try:
        head = open_repository(source).lookup_reference("HEAD").target
        create(fresh, default_branch=str(head).removeprefix("refs/heads/"))
        _link_objects(source / "objects", fresh / "objects")
        _copy_refs(source, fresh)
        _move_into_place(fresh, target)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return open_repository(target)


def folders_of(root: Path, *, idle_since: float) -> Iterator[Path]:
    """All repositories below a root, and what interrupted work left of some, not changed since (Unix seconds)."""
    for folder in root.glob("??/??/*"):
        with suppress(FileNotFoundError):
            if folder.is_dir() and folder.stat().st_mtime < idle_since:
                yield folder


def key_of(folder: Path) -> str:
    """The id of the repository that lies in a folder; "" for one that is half-made or half-removed."""
    key = folder.name.removesuffix(".git")
    return key if folder.name == f"{key}.git" and _KEY.fullmatch(key) else ""


def discard(path: Path, trash: Path) -> bool:
    """Move a repository into a folder, from where `put_back` brings it back; False when it is gone."""
    trash.mkdir(parents=True, exist_ok=True)
    try:
        path.rename(trash / path.name)
    except FileNotFoundError:
        return False
    return True


def put_back(path: Path, trash: Path) -> bool:
    """Undo `discard`; False when it is not in the folder, or something else lies at its place."""
    if not (trash / path.name).is_dir() or path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    _move_into_place(trash / path.name, path)
    return True


def disk_size(path: Path) -> int:
    """Bytes of all files of the repository."""
    return sum(
        entry.stat().st_size
        for folder, _, names in os.walk(path)
        for entry in (Path(folder) / name for name in names)
        if entry.is_file()
    )


def default_branch(repo: Repository) -> str:
    """The branch that HEAD names, born or not."""
    return str(repo.lookup_reference("HEAD").target).removeprefix("refs/heads/")


def _move_into_place(source: Path, target: Path) -> None:
    source.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _link_objects(source: Path, target: Path) -> None:
    for folder, _, names in os.walk(source):
        here = target / Path(folder).relative_to(source)
        here.mkdir(parents=True, exist_ok=True)
        for name in names:
            if name.startswith("tmp_") or (here / name).exists():
                continue
            try:
                os.link(Path(folder) / name, here / name)
            except FileNotFoundError:
                continue  # repacked meanwhile: the new pack is linked in its turn
            except OSError:
                shutil.copy2(Path(folder) / name, here / name)


def _copy_refs(source: Path, target: Path) -> None:
    listing = run_git(source, "for-each-ref", "--format=create %(refname) %(objectname)", "refs/heads", "refs/tags")
    run_git(target, "update-ref", "--stdin", stdin=listing)
