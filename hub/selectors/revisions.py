"""Files and folders of a repository at a revision.

The head of a branch is answered from the index, in one query; every other revision is
read out of git. Both give the same `File`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from itertools import islice
from operator import or_

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from hub.errors import EntryNotFound, RevisionNotFound
from hub.git import reading, repositories
from hub.git.errors import EntryMissing, GitError
from hub.git.refs import full_name, target_of
from hub.models import Branch, Commit, LargeObject, Repository, TreeEntry


@dataclass(frozen=True)
class Revision:
    """A commit of a repository, and the branch whose index describes it (None: read git)."""

    repository: Repository
    name: str
    commit: str
    branch: Branch | None


@dataclass(frozen=True, slots=True)
class File:
    """A file or folder. `size` is the content's length; `oid` git's id of blob or tree.

    For large files `lfs_sha256` names the object, `pointer_size` is the length of the blob
    in git, and `xet_hash` tells that Xet clients may fetch it (filled by `with_xet`).
    """

    path: str
    oid: str
    size: int
    is_folder: bool = False
    lfs_sha256: str = ""
    pointer_size: int = 0
    xet_hash: str = ""
    last_commit: Commit | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def etag(self) -> str:
        """The name of the content: sha256 of a large file, else git's blob id."""
        return self.lfs_sha256 or self.oid


def revision_of(repository: Repository, name: str) -> Revision:
    """Branch, tag, full ref or commit (also shortened). Raises RevisionNotFound."""
    found = _revision(repository, repositories.open_repository(repository.path), name)
    if found is None:
        raise RevisionNotFound(name)
    return found


def split_revision(repository: Repository, rest: str, *, indexed: bool = True) -> tuple[Revision, str]:
    """Part `<revision>/<path>` where both may hold slashes (addresses arrive decoded).

    The shortest beginning that is a revision wins; git allows no branch `a` beside `a/b`.
    Without the index everything is read out of git, which for a single file is quicker.
    Raises RevisionNotFound.
    """
    repo = repositories.open_repository(repository.path)
    parts = rest.split("/")
    first = 3 if parts[0] == "refs" else 1
    for count in range(first, min(len(parts), first + 8) + 1):
        found = _revision(repository, repo, "/".join(parts[:count]), indexed=indexed)
        if found is not None:
            return found, "/".join(parts[count:])
    raise RevisionNotFound("/".join(parts[:first]))


def is_branch(revision: Revision) -> bool:
    """Whether it was named as a branch or pull request, where new commits can go."""
    return revision.repository.branches.filter(ref=full_name(revision.name)).exists()


def head_commit(repository: Repository, revision: str = "main") -> str | None:
    """The commit id a revision stands for, or None."""
    try:
        return reading.resolve(repositories.open_repository(repository.path), revision)
    except GitError:
        return None


def entry_at(revision: Revision, path: str) -> File:
    """One file or folder. Raises EntryNotFound."""
    found = next(iter(entries_named(revision, [path.strip("/")])), None)
    if found is None:
        raise EntryNotFound(commit=revision.commit)
    return found


def entries_named(revision: Revision, paths: list[str], *, with_commits: bool = False) -> list[File]:
    """Those of the paths that exist, in the order asked."""
    if revision.branch is not None:
        rows = revision.branch.entries.filter(path__in=paths)
        rows = rows.select_related("last_commit") if with_commits else rows
        by_path = {row.path: of_row(row, with_commit=with_commits) for row in rows}
    else:
        repo = repositories.open_repository(revision.repository.path)
        found = (reading.entry(repo, revision.commit, path) for path in paths if path)
        by_path = {entry.path: of_git(entry) for entry in found if entry is not None}
        by_path = _with_last_commits(revision, by_path) if with_commits else by_path
    return [by_path[path] for path in dict.fromkeys(paths) if path in by_path]


def entries_at(
    revision: Revision,
    folder: str = "",
    *,
    recursive: bool = False,
    after: str = "",
    before: str = "",
    limit: int = 1000,
    with_commits: bool = False,
) -> list[File]:
    """Up to `limit` entries below a folder, by path: the first after the path `after`, or the last before `before`.

    Raises EntryNotFound when the folder is missing or a file.
    """
    folder = folder.strip("/")
    if revision.branch is None:
        return _entries_in_git(revision, folder, recursive, (after, before), limit, with_commits)
    if folder and not revision.branch.entries.filter(path=folder, is_folder=True).exists():
        raise EntryNotFound(commit=revision.commit)
    rows = revision.branch.entries.filter(path__gt=after)
    if not recursive:
        rows = rows.filter(directory=folder)
    elif folder:
        rows = rows.filter(path__gt=f"{folder}/", path__lt=f"{folder}0")  # "0" follows "/" in the C collation
    rows = rows.select_related("last_commit") if with_commits else rows
    order = "path" if recursive else "name"
    if before:
        found = list(rows.filter(path__lt=before).order_by(f"-{order}")[:limit])[::-1]
    else:
        found = list(rows.order_by(order)[:limit])
    return [of_row(row, with_commit=with_commits) for row in found]


def first_file(revision: Revision, ending: str) -> str:
    """The path of the first file with an ending; empty when there is none, or it is not the head of a branch."""
    if revision.branch is None:
        return ""
    rows = revision.branch.entries.filter(is_folder=False, path__endswith=ending).order_by("path")
    return rows.values_list("path", flat=True).first() or ""


def path_of_object(repository: Repository, sha256: str) -> str | None:
    """A path at which a branch of the repository has this object now."""
    rows = TreeEntry.objects.filter(branch__repository=repository, lfs_sha256=sha256)
    return rows.values_list("path", flat=True).first()


def files_at(revision: Revision) -> list[File]:
    """All files, by path; folders left out."""
    if revision.branch is not None:
        return [of_row(row) for row in revision.branch.entries.filter(is_folder=False).order_by("path")]
    repo = repositories.open_repository(revision.repository.path)
    found = [of_git(entry) for entry in reading.iter_tree(repo, revision.commit) if not entry.is_folder]
    return sorted(found, key=_by_path)


def files_ending(revision: Revision, *endings: str) -> list[File]:
    """The files with one of these endings, by path."""
    if revision.branch is None:
        return [file for file in files_at(revision) if file.path.endswith(endings)]
    ends = reduce(or_, (Q(path__endswith=ending) for ending in endings))
    rows = revision.branch.entries.filter(ends, is_folder=False).order_by("path")
    return [of_row(row) for row in rows]


def holding(rows: QuerySet[Repository], path: str) -> QuerySet[Repository]:
    """Those that have this file at their head."""
    files = TreeEntry.objects.filter(branch__repository=OuterRef("pk"), branch__head=OuterRef("head"))
    return rows.filter(Exists(files.filter(path=path, is_folder=False)))


def has_large_files(revision: Revision) -> bool:
    """Whether any file lies outside of git."""
    if revision.branch is None:
        return any(file.lfs_sha256 for file in files_at(revision))
    return revision.branch.entries.exclude(lfs_sha256="").exists()


def total_size(revision: Revision) -> int:
    """Bytes of all files, large ones with their content; one sum for the head of a branch."""
    if revision.branch is None:
        return sum(file.size for file in files_at(revision))
    return int(revision.branch.entries.filter(is_folder=False).aggregate(total=Sum("size"))["total"] or 0)


def read_bytes(revision: Revision, path: str, *, limit: int) -> bytes | None:
    """A small file as it lies in git; None when it is missing, a folder or larger."""
    try:
        return reading.read_file(
            repositories.open_repository(revision.repository.path), revision.commit, path, limit=limit
        )
    except EntryMissing:
        return None


def read_text(revision: Revision, path: str, *, limit: int = 1024 * 1024) -> str | None:
    """A small text file as it lies in git, undecodable bytes replaced; None when missing or larger."""
    data = read_bytes(revision, path, limit=limit)
    return None if data is None else data.decode("utf-8", "replace")


def with_xet(files: list[File]) -> list[File]:
    """The same files, those kept as Xet with their `xet_hash`."""
    digests = {file.lfs_sha256 for file in files if file.lfs_sha256}
    rows = LargeObject.objects.filter(pk__in=digests).exclude(xet_hash="").values_list("sha256", "xet_hash")
    known = dict(rows)
    return [replace(file, xet_hash=known.get(file.lfs_sha256, "")) for file in files]


def of_git(entry: reading.TreeEntry) -> File:
    """What git knows, in the words of the index."""
    pointer = entry.pointer
    if pointer is None:
        return File(entry.path, entry.oid, entry.size, entry.is_folder)
    return File(entry.path, entry.oid, pointer.size, False, pointer.sha256, entry.size)


def commit_row(repository: Repository, info: reading.CommitInfo) -> Commit:
    """A commit as a row, not saved."""
    return Commit(
        repository=repository,
        oid=info.oid,
        title=_clean(info.title),
        message=_clean(info.message),
        author_name=_clean(info.author_name),
        date=datetime.fromtimestamp(info.when, UTC),
    )


def _revision(
    repository: Repository, repo: repositories.Repository, name: str, *, indexed: bool = True
) -> Revision | None:
    commit = reading.resolve(repo, name)
    if commit is None:
        return None
    branch = repository.branches.filter(head=commit).first() if indexed else None
    return Revision(repository, name, commit, branch)


def of_row(row: TreeEntry, *, with_commit: bool = False) -> File:
    """What the index knows of a file or folder."""
    commit = row.last_commit if with_commit else None
    return File(row.path, row.oid, row.size, row.is_folder, row.lfs_sha256, row.pointer_size, "", commit)


def _entries_in_git(
    revision: Revision, folder: str, recursive: bool, between: tuple[str, str], limit: int, with_commits: bool
) -> list[File]:
    repo = repositories.open_repository(revision.repository.path)
    try:
        found: Iterator[reading.TreeEntry] = reading.iter_tree(repo, revision.commit, folder, recursive=recursive)
        ordered = sorted((of_git(entry) for entry in found), key=_by_path)
    except EntryMissing:
        raise EntryNotFound(commit=revision.commit) from None
    after, before = (path.encode() for path in between)
    if before:
        page = [file for file in ordered if after < _by_path(file) < before][-limit:]
    else:
        page = list(islice((file for file in ordered if _by_path(file) > after), limit))
    if not with_commits:
        return page
    return list(_with_last_commits(revision, {file.path: file for file in page}).values())


def _with_last_commits(revision: Revision, files: dict[str, File]) -> dict[str, File]:
    """Slow (one pass over the history), for old revisions only."""
    repo = repositories.open_repository(revision.repository.path)
    by_path = reading.last_commits(repo, revision.commit)
    rows: dict[str, Commit] = {}
    found = {}
    for path, file in files.items():
        oid = by_path.get(path) or _newest_below(repo, by_path, path, revision.commit)
        if oid not in rows:
            rows[oid] = commit_row(revision.repository, reading.read_commit(repo, oid))
        found[path] = replace(file, last_commit=rows[oid])
    return found


def _newest_below(repo: repositories.Repository, by_path: dict[str, str], folder: str, default: str) -> str:
    inside = {oid for path, oid in by_path.items() if path.startswith(f"{folder}/")}
    return max(inside, key=lambda oid: reading.read_commit(repo, oid).when, default=default)


def _by_path(file: File) -> bytes:
    return file.path.encode("utf-8", "surrogateescape")


def _clean(text: str) -> str:
    """Text that PostgreSQL can hold."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def branch_head(repository: Repository, ref: str) -> str | None:
    """Where git says a branch is; `ref` is short or full."""
    return target_of(repositories.open_repository(repository.path), full_name(ref))
