"""Commits and what they changed, read out of git."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hub.git import diffs, reading
from hub.git.diffs import Content, FileDiff
from hub.git.errors import GitError
from hub.git.repositories import open_repository
from hub.models import Repository
from hub.selectors.revisions import Revision

PAGE = 30
MAX_DIFF = 400_000


@dataclass(frozen=True)
class HistoryEntry:
    """One commit as the page shows it; `path` is what a followed file was called then."""

    oid: str
    title: str
    message: str
    author: str
    date: datetime
    parents: tuple[str, ...]
    path: str = ""


@dataclass(frozen=True)
class Changes:
    """What leads from one commit to another. `is_cut` when it is too long to be shown whole."""

    files: list[FileDiff]
    is_cut: bool = False

    @property
    def added(self) -> int:
        return sum(file.added for file in self.files)

    @property
    def removed(self) -> int:
        return sum(file.removed for file in self.files)


def history(revision: Revision, *, page: int = 0, path: str = "") -> tuple[list[HistoryEntry], bool]:
    """A page of commits, newest first, and whether there are more; those of one file also under its former names."""
    repo = open_repository(revision.repository.path)
    if path:
        followed = reading.follow(repo, revision.commit, path, skip=page * PAGE, limit=PAGE + 1)
        entries = [replace(_entry(info), path=name) for info, name in followed]
    else:
        entries = [_entry(info) for info in reading.log(repo, revision.commit, skip=page * PAGE, limit=PAGE + 1)]
    return entries[:PAGE], len(entries) > PAGE


def entry_of(revision: Revision) -> HistoryEntry:
    """The commit of a revision."""
    return _entry(reading.read_commit(open_repository(revision.repository.path), revision.commit))


def changes_of(repository: Repository, old: str | None, new: str, *, path: str | None = None) -> Changes:
    """What leads from one commit (None: nothing) to another, in all files or in one."""
    text = reading.unified_diff(open_repository(repository.path), old, new, path=path, limit=MAX_DIFF)
    return read_changes(repository, text)


def read_changes(repository: Repository, text: str) -> Changes:
    """A unified diff for a page, contents that are no text with their sizes."""
    repo = open_repository(repository.path)

    def sized(content: Content | None) -> Content | None:
        if content is None or content.size is not None:
            return content
        try:
            return replace(content, size=reading.blob_size(repo, content.name))
        except (GitError, KeyError, ValueError):
            return content

    files = diffs.parse(text)
    for file in files:
        file.before, file.after = sized(file.before), sized(file.after)
    return Changes(files, len(text.encode()) >= MAX_DIFF)


def _entry(info: reading.CommitInfo) -> HistoryEntry:
    return HistoryEntry(
        info.oid, info.title, info.message, info.author_name, datetime.fromtimestamp(info.when, UTC), info.parents
    )
