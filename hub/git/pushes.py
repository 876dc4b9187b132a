"""What every push must keep to, whoever pushes: refs, paths, large objects.

Called from the ``check`` of ``smart_http.receive_pack``; who may push at all is the
caller's business.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pygit2
from pygit2.enums import FileMode, ObjectType

from hub.git.errors import GitError, InvalidPath, InvalidRef, PushRefused
from hub.git.lfs_pointer import MAX_POINTER_SIZE, Pointer, parse_pointer
from hub.git.paths import case_fault, check_path, name_fault
from hub.git.processes import environment
from hub.git.reading import difference
from hub.git.refs import BRANCH, PULL_REQUEST, TAG, check_name
from hub.git.repositories import Repository, default_branch
from hub.git.smart_http import Push

MAX_BLOB = 64 * 2**20  # bytes


def check_refs(push: Push) -> None:
    """Only branches, tags and open pull requests may move. Raises PushRefused."""
    for move in push.updates:
        try:
            if move.ref.startswith(BRANCH):
                check_name(move.ref.removeprefix(BRANCH))
            elif move.ref.startswith(TAG):
                check_name(move.ref.removeprefix(TAG))
            elif not (move.ref.startswith(PULL_REQUEST) and move.old and move.new):
                raise PushRefused(f"{move.ref} cannot be pushed; push to a branch or a tag.")
        except InvalidRef as error:
            raise PushRefused(str(error)) from None
        if move.new is None and move.ref == BRANCH + default_branch(push.repository):
            raise PushRefused(f"{move.ref} is the default branch and cannot be deleted.")
        if move.new is not None and not move.ref.startswith(TAG) and _commit(push.repository, move.new) is None:
            raise PushRefused(f"{move.ref} can only point to a commit.")


def check_paths(push: Push) -> None:
    """No new file has a path that we refuse elsewhere. Raises PushRefused."""
    for oid in new_objects(push, ObjectType.TREE):
        for entry in push.repository[oid]:
            fault = name_fault(_text(entry))
            if fault:
                raise PushRefused(f"The path component {_text(entry)!r} is not allowed: {fault}.")
        fault = case_fault((_text(entry), int(entry.filemode) == int(FileMode.LINK)) for entry in push.repository[oid])
        if fault:
            raise PushRefused(f"A folder is not allowed: {fault}.")
    for move in push.updates:
        new = _commit(push.repository, move.new) if move.new else None
        if new is None:
            continue
        old = _commit(push.repository, move.old) if move.old else None
        try:
            for entry in difference(push.repository, old, new).changed:
                check_path(entry.path)
        except InvalidPath as error:
            raise PushRefused(str(error)) from None


def check_sizes(push: Push) -> None:
    """Files in git are read whole, so large ones come by LFS or Xet. Raises PushRefused."""
    for oid in new_objects(push, ObjectType.BLOB):
        size = push.repository.odb.read_header(pygit2.Oid(hex=oid))[1]
        if size > MAX_BLOB:
            raise PushRefused(
                f"The file {oid[:12]} has {size // 2**20} MiB, and files in git have at most {MAX_BLOB // 2**20} MiB. "
                "Track it with git lfs, run git lfs migrate, and push again."
            )


def added_bytes(push: Push) -> int:
    """Bytes of the files that come with the push into git itself."""
    header = push.repository.odb.read_header
    return sum(header(pygit2.Oid(hex=oid))[1] for oid in new_objects(push, ObjectType.BLOB))


def new_pointers(push: Push) -> set[Pointer]:
    """Large objects that any of the pushed commits points to, for the caller to look up."""
    found = set()
    for oid in new_objects(push, ObjectType.BLOB, max_size=MAX_POINTER_SIZE):
        pointer = parse_pointer(push.repository[oid].data)
        if pointer:
            found.add(pointer)
    return found


def new_texts(push: Push, *, max_size: int) -> Iterator[tuple[str, bytes]]:
    """Small files of all pushed commits: path (or id, if only an older commit has it) and content."""
    paths: dict[str, str] = {}
    for move in push.updates:
        new = _commit(push.repository, move.new) if move.new else None
        old = _commit(push.repository, move.old) if move.old else None
        if new is not None:
            paths |= {entry.oid: entry.path for entry in difference(push.repository, old, new).changed}
    for oid in new_objects(push, ObjectType.BLOB, max_size=max_size):
        yield paths.get(oid, oid[:10]), push.repository[oid].data


def new_messages(push: Push) -> list[str]:
    """The messages of all pushed commits."""
    commits = (push.repository[oid] for oid in new_objects(push, ObjectType.COMMIT))
    return [commit.raw_message.decode("utf-8", "replace") for commit in commits]


def new_objects(push: Push, kind: ObjectType, *, max_size: int | None = None) -> list[str]:
    """Ids of the objects of a kind that come with the push and were not reachable before."""
    tips = [move.new for move in push.updates if move.new]
    if not tips or push.quarantine is None:
        return []
    command = ["git", "--git-dir", push.repository.path, "rev-list", "--objects", "--no-object-names", "--stdin"]
    known = [ref.target for ref in push.repository.references.objects if isinstance(ref.target, pygit2.Oid)]
    request = "\n".join([*tips, *(f"^{oid}" for oid in known), ""])
    env = environment(
        GIT_OBJECT_DIRECTORY=str(push.quarantine),
        GIT_ALTERNATE_OBJECT_DIRECTORIES=str(Path(push.repository.path) / "objects"),
    )
    done = subprocess.run(command, input=request.encode(), capture_output=True, env=env, check=False)
    if done.returncode != 0:
        raise GitError("git rev-list failed: " + done.stderr.decode("utf-8", "replace")[-500:])
    odb = push.repository.odb
    chosen = []
    for oid in done.stdout.decode().split():
        found, size = odb.read_header(pygit2.Oid(hex=oid))[:2]
        if found == kind and (max_size is None or size <= max_size):
            chosen.append(oid)
    return chosen


def commit_of(repo: Repository, oid: str) -> str | None:
    """The commit that a pushed id stands for (an annotated tag stands for one), or None."""
    return _commit(repo, oid)


def _commit(repo: Repository, oid: str) -> str | None:
    try:
        return str(repo[oid].peel(pygit2.Commit).id)
    except (KeyError, ValueError, pygit2.GitError):
        return None


def _text(entry: pygit2.Object) -> str:
    raw = entry.raw_name or b""
    return raw.decode("utf-8", "surrogateescape")
