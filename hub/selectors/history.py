"""Commits and what they changed, read out of git."""

from dataclasses import dataclass
from datetime import UTC, datetime

from hub.git import reading
from hub.git.repositories import open_repository
from hub.selectors.revisions import Revision

PAGE = 30
MAX_DIFF = 200_000


@dataclass(frozen=True)
class HistoryEntry:
    """One commit as the page shows it."""

    oid: str
    title: str
    message: str
    author: str
    date: datetime
    parents: tuple[str, ...]


def history(revision: Revision, *, page: int = 0, path: str | None = None) -> tuple[list[HistoryEntry], bool]:
    """A page of commits, newest first, and whether there are more."""
    repo = open_repository(revision.repository.path)
    found = reading.log(repo, revision.commit, skip=page * PAGE, limit=PAGE + 1, path=path)
    return [_entry(info) for info in found[:PAGE]], len(found) > PAGE


def commit_with_diff(revision: Revision) -> tuple[HistoryEntry, str]:
    """A commit and its changes as unified text; large files appear as their pointers."""
    repo = open_repository(revision.repository.path)
    entry = _entry(reading.read_commit(repo, revision.commit))
    parent = entry.parents[0] if entry.parents else None
    return entry, reading.unified_diff(repo, parent, revision.commit, limit=MAX_DIFF)


def _entry(info: reading.CommitInfo) -> HistoryEntry:
    return HistoryEntry(
        info.oid, info.title, info.message, info.author_name, datetime.fromtimestamp(info.when, UTC), info.parents
    )
