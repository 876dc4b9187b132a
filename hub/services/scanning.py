"""Inspecting files after they were committed. Equal content is looked at once, wherever it lies."""

import io
import logging
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from hub import stores
from hub.algorithms import scanning
from hub.algorithms.scanning_notes import Notes
from hub.enums import SCAN_LEVELS, SCAN_ORDER, ScanReason, ScanStatus
from hub.git import reading
from hub.git.errors import EntryMissing
from hub.git.repositories import Repository as GitRepository
from hub.git.repositories import exists, open_repository
from hub.models import Branch, LargeObject, Repository, RepositoryObject, ScanResult
from hub.selectors.revisions import File, Revision, files_at
from hub.selectors.scanning import results_of, unseen_at
from hub.storage.errors import StorageError, XetError

logger = logging.getLogger(__name__)

_BATCH = 500
_MAX_IMPORTS = 200


def scan_ref(repository: Repository, ref: str, *, again: bool = False) -> int:
    """Inspect the files at the head of a branch or pull request that today's rules have not seen.

    Returns how many were looked at. It may be repeated and interrupted at will.
    """
    branch = repository.branches.filter(ref=ref).first()
    if branch is None or not exists(repository.path):
        return 0
    files = files_at(Revision(repository, ref, branch.head, branch)) if again else unseen_at(branch)
    known = {} if again else results_of(files)
    waiting = {(file.etag, scanning.ending_of(file.path)): file for file in files if file.path not in known}
    repo = open_repository(repository.path)
    held = _held(repository, waiting.values())
    there = [file for file in waiting.values() if not file.lfs_sha256 or file.lfs_sha256 in held]
    for batch in _batched(there, _BATCH):
        _keep([row for row in (_result(repo, file, held) for file in batch) if row is not None])
    return len(there)


def scan_all(repositories: Iterable[Repository], *, again: bool = False) -> int:
    """Every branch of these repositories; returns how many files were looked at."""
    return sum(
        scan_ref(repository, ref, again=again)
        for repository in repositories
        for ref in repository.branches.values_list("ref", flat=True)
    )


def scan_waiting(*, limit: int) -> int:
    """What a lost message left behind: branches that changed lately, newest first."""
    branches = Branch.objects.select_related("repository__namespace").order_by("-indexed_at")[:limit]
    return sum(scan_ref(branch.repository, branch.ref) for branch in branches)


def forget_old_rules() -> int:
    """Verdicts of former rules say nothing any more; returns how many went."""
    return ScanResult.objects.filter(rules__lt=scanning.RULES).delete()[0]


def _batched(files: list[File], size: int) -> Iterator[list[File]]:
    for first in range(0, len(files), size):
        yield files[first : first + size]


def _held(repository: Repository, files: Iterable[File]) -> dict[str, LargeObject]:
    digests = {file.lfs_sha256 for file in files if file.lfs_sha256}
    rows = RepositoryObject.objects.select_related("object").filter(repository=repository, object_id__in=digests)
    return {row.object_id: row.object for row in rows}


def _result(repo: GitRepository, file: File, held: dict[str, LargeObject]) -> ScanResult | None:
    """The verdict on one file; None when its bytes cannot be had just now."""
    try:
        with _opened(repo, file, held) as content:
            notes = scanning.inspect(content, file.path, file.size)
    except (OSError, StorageError, XetError, EntryMissing):
        logger.warning("a file could not be read for its inspection", extra={"content": file.etag})
        return None
    except Exception:
        # A fault of ours must not stop the others, and must not look like a clean file.
        logger.exception("inspection failed", extra={"content": file.etag})
        notes = Notes()
        notes.add(ScanReason.UNREADABLE)
    imports = list(notes.imports.items())[:_MAX_IMPORTS]
    reasons = [ScanReason(code) for code in notes.codes()]
    return ScanResult(
        content=file.etag,
        ending=scanning.ending_of(file.path),
        rules=scanning.RULES,
        status=max((SCAN_LEVELS[reason] for reason in reasons), key=SCAN_ORDER.index, default=ScanStatus.SAFE),
        reasons=[[code, detail] for code, detail in notes.reasons],
        imports=[[_shown(one.module), _shown(one.name), level] for one, level in imports],
    )


def _opened(repo: GitRepository, file: File, held: dict[str, LargeObject]) -> BinaryIO:
    if not file.lfs_sha256:
        return io.BytesIO(reading.read_blob(repo, file.oid))
    found = held[file.lfs_sha256]
    if found.is_plain:
        return stores.plain_objects().open(found.sha256)
    return io.BufferedReader(_XetFile(found), 256 * 1024)


class _XetFile(io.RawIOBase):
    """An object kept as Xet, as a file that can seek."""

    def __init__(self, found: LargeObject) -> None:
        super().__init__()
        self._found, self._at = found, 0
        self._blocks: Iterator[bytes] = iter(())
        self._rest = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, position: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._found.size}[whence]
        target = max(0, base + position)
        if target != self._at:
            self._at, self._blocks, self._rest = target, iter(()), b""
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        if not self._rest and self._at < self._found.size:
            self._rest = next(self._blocks, b"") or self._begin()
        part = self._rest[: len(buffer)]
        buffer[: len(part)] = part
        self._rest = self._rest[len(part) :]
        self._at += len(part)
        return len(part)

    def _begin(self) -> bytes:
        left = self._found.size - self._at
        self._blocks = stores.xet_store().read_file(self._found.xet_hash, self._at, left)
        return next(self._blocks, b"")


def _keep(rows: list[ScanResult]) -> None:
    ScanResult.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["content", "ending", "rules"],
        update_fields=["status", "reasons", "imports", "scanned_at"],
    )


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else "�" for char in text)[:200]
