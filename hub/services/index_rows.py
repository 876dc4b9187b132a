"""Writing the entries of a branch: thousands at a time, so past the ORM, straight into the table."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db import connection

from hub.models import Branch, Commit
from hub.selectors.revisions import File

_BATCH = 2000  # rows in memory as text
_COLUMNS = "path, directory, name, is_folder, oid, size, lfs_sha256, pointer_size, last_commit_id"
_WRITE = f"COPY hub_treeentry (branch_id, {_COLUMNS}) FROM STDIN WITH (FORMAT csv)"
_COPY = (
    f"INSERT INTO hub_treeentry (branch_id, {_COLUMNS}) SELECT %s, {_COLUMNS} "  # noqa: S608 - all of it is written here
    "FROM hub_treeentry WHERE branch_id = %s"
)
_DROP = "DELETE FROM hub_treeentry WHERE branch_id = %s AND path = ANY(%s)"


def write(branch: Branch, files: Sequence[File], last: Mapping[str, Commit]) -> None:
    """New entries, with the commit that last changed each path."""
    with connection.cursor() as cursor:
        for first in range(0, len(files), _BATCH):
            text = io.StringIO()
            rows = _rows(branch, files[first : first + _BATCH], last)
            csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
            text.seek(0)
            cursor.copy_expert(_WRITE, text)


def drop(branch: Branch, paths: Iterable[str]) -> None:
    """Forget the entries at these paths, as far as there are such."""
    with connection.cursor() as cursor:
        cursor.execute(_DROP, [branch.pk, list(paths)])


def copy(source: Branch, target: Branch) -> None:
    """The same entries for another branch."""
    with connection.cursor() as cursor:
        cursor.execute(_COPY, [target.pk, source.pk])


def _rows(branch: Branch, files: Sequence[File], last: Mapping[str, Commit]) -> Iterator[tuple[object, ...]]:
    for file in files:
        directory, _slash, name = file.path.rpartition("/")
        kept = (file.is_folder, file.oid, file.size, file.lfs_sha256, file.pointer_size)
        yield branch.pk, file.path, directory, name, *kept, last[file.path].pk
