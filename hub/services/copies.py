"""What a duplicated or imported repository owes to the one it was copied from."""

from hub.enums import EdgeKind, Evidence
from hub.git import reading
from hub.git.errors import GitError
from hub.git.repositories import open_repository
from hub.models import Import, LineageEdge, Repository, Version
from hub.selectors.imports import import_of, is_imported, source_commit_of
from hub.selectors.lineage import latest_version


def is_copied(repository: Repository, commit: str) -> bool:
    """Whether this very commit came from the source, whichever branch it lies on, or was imported.

    Commits are named by what they hold, so a commit that the source knows was made there. When the
    source is gone, what led to the copied commit still counts as copied.
    """
    if is_imported(repository, commit):
        return True
    if not repository.copied_commit:
        return False
    source = repository.copied_from
    if source is not None and _knows(source, commit):
        return True
    return reading.is_ancestor(open_repository(repository.path), commit, repository.copied_commit)


def write_edge(version: Version, repository: Repository, commit: str) -> None:
    """The line from a version of a copy to its source; nothing for repositories that are no copies."""
    found = import_of(repository)
    if found is not None:
        _write_foreign_edge(version, repository, found)
    if not repository.copied_commit:
        return
    source = repository.copied_from
    LineageEdge.objects.create(
        version=version,
        kind=EdgeKind.COPY,
        parent_kind=repository.kind,
        parent_name=repository.copied_from_name,
        parent=source,
        parent_version=latest_version(source, commit) if source is not None else None,
        parent_commit=commit,
        evidence=Evidence.COPIED,
    )


def _write_foreign_edge(version: Version, repository: Repository, found: Import) -> None:
    """Its people have no account here, so the line leads out of the site and nobody is paid by it."""
    copied = source_commit_of(found, repository, version.commit)
    LineageEdge.objects.create(
        version=version,
        kind=EdgeKind.COPY,
        parent_kind=found.kind,
        parent_name=found.source_url[:200],
        parent_commit=copied or found.source_commit,
        evidence=Evidence.COPIED,
    )


def _knows(source: Repository, commit: str) -> bool:
    try:
        return reading.resolve(open_repository(source.path), commit) is not None
    except GitError:
        return False
