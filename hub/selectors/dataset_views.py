"""The tables of a data set, and the bytes that they are read from."""

from collections.abc import Iterable
from functools import lru_cache

from common.errors import NotFound
from hub import stores
from hub.git.reading import read_blob
from hub.git.repositories import open_repository
from hub.models import DatasetSplit, DatasetView, Repository, RepositoryObject
from hub.selectors.reports import blocks_of
from hub.selectors.revisions import File
from hub.storage.errors import StorageError
from hub.viewer.asking import Refused, Source


def view_at(repository: Repository, commit: str) -> DatasetView | None:
    return DatasetView.objects.filter(repository=repository, commit=commit).first()


def splits_of(view: DatasetView) -> list[DatasetSplit]:
    return list(view.splits.defer("statistics"))


def split_named(view: DatasetView, config: str, split: str) -> DatasetSplit:
    """Raises NotFound; without a name the first one."""
    rows = view.splits.all()
    rows = rows.filter(config=config) if config else rows
    rows = rows.filter(split=split) if split else rows
    found = rows.first()
    if found is None:
        raise NotFound(
            "This data set has no such configuration or split.", hint="Ask /splits for those that there are."
        )
    found.view = view
    return found


def file_sources(repository: Repository, files: Iterable[File]) -> list[Source]:
    """For large files the object, if the repository holds it; for small ones what lies in git. Raises Refused."""
    listed = list(files)
    digests = {file.lfs_sha256 for file in listed if file.lfs_sha256}
    rows = RepositoryObject.objects.select_related("object").filter(repository=repository, object_id__in=digests)
    held = {row.object_id: row.object for row in rows.filter(committed_at__isnull=False)}
    found = []
    for file in listed:
        if not file.lfs_sha256:
            found.append(_blob_source(repository, file))
        elif file.lfs_sha256 in held:
            found.append(_guarded(stores.source_of(held[file.lfs_sha256])))
        else:
            raise Refused(f"The content of {file.path} was never uploaded.")
    return found


def lost_file(repository: Repository, split: DatasetSplit) -> str:
    """The path of a file whose content is not given out any more, or "": it was deleted for good, or by a report."""
    wanted = {entry["sha256"]: entry["path"] for entry in split.files if entry["is_large"]}
    held = RepositoryObject.objects.filter(repository=repository, object_id__in=wanted, committed_at__isnull=False)
    gone = wanted.keys() - set(held.values_list("object_id", flat=True))
    contents = {file_of(entry).etag: entry["path"] for entry in split.files}
    removed = blocks_of(repository, contents)
    return min([*(wanted[digest] for digest in gone), *(contents[name] for name in removed)], default="")


def table_sources(repository: Repository, split: DatasetSplit) -> list[Source]:
    """The Parquet of a split: its own files, or what was made of them. Raises Refused."""
    if split.converted:
        return [_guarded(stores.stored_source(stores.viewer_files(), split.converted, split.converted_size))]
    return file_sources(repository, [file_of(entry) for entry in split.files])


def counts_of(split: DatasetSplit) -> list[int]:
    """Rows of each file that `table_sources` gives."""
    return [split.rows] if split.converted else [entry["rows"] for entry in split.files]


def file_of(entry: dict) -> File:
    return File(entry["path"], entry["oid"], entry["size"], lfs_sha256=entry["sha256"] if entry["is_large"] else "")


def _blob_source(repository: Repository, file: File) -> Source:
    """Read out of git once, and only when it is read at all."""

    @lru_cache(maxsize=1)
    def data() -> bytes:
        return read_blob(open_repository(repository.path), file.oid)

    return Source(file.size, lambda start, length: data()[start : start + length])


def _guarded(source: Source) -> Source:
    """A store that lost the bytes is a reason to refuse, not to fall over."""

    def read(start: int, length: int) -> bytes:
        try:
            return source.read(start, length)
        except (StorageError, OSError) as error:
            raise Refused("The content of a file is not in the store.") from error

    return Source(source.size, read)
