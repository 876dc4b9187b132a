"""Rows of a data set, a page at a time, and SQL over its tables. A reader in a cage does the work."""

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from common.errors import Invalid, TooManyRequests, Unavailable
from hub import stores
from hub.errors import Unprocessable
from hub.models import DatasetSplit, Repository
from hub.selectors.dataset_views import counts_of, lost_file, table_sources
from hub.services.dataset_views import EDITION
from hub.storage.errors import ObjectMissing
from hub.viewer import asking
from hub.viewer.asking import Answer, Limits, Source

MOST_ROWS = 100
MOST_RESULTS = 1000
LONGEST_QUERY = 20_000  # characters
_PATIENCE = 10.0  # seconds that somebody waits for a free reader
_EXTENSIONS = {
    "image/png": "png", "image/jpeg": "jpg", "audio/wav": "wav", "audio/flac": "flac", "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
}  # fmt: skip
_readers = threading.BoundedSemaphore(max(1, settings.VIEWER_READERS))


class QueryRefused(Unprocessable):
    """The reader says what is wrong with a query; `line` and `column` (from 1) travel in the context."""

    code = "query_refused"


class ConvertedGone(Exception):
    """The table that was made of the files was swept away; the view has to be made again."""


def page_of_rows(
    repository: Repository, split: DatasetSplit, *, offset: int, length: int, where: str = "", text: str = ""
) -> dict[str, Any]:
    """`{"rows", "has_more"}` from row `offset` on; with `where` or `text` of the rows that fit.

    Each row has `row_idx`, `row`, `truncated_cells`, and `media`: names of files of the viewer by column.
    Raises Invalid, QueryRefused, Unprocessable, TooManyRequests, ConvertedGone.
    """
    length = min(length, MOST_ROWS)
    if offset < 0 or length < 0 or offset > 2**53:
        raise Invalid(_("Rows are counted from 0."))
    if len(where) > LONGEST_QUERY or len(text) > LONGEST_QUERY:
        raise Invalid(_("This filter is too long."))
    key = _key(split, offset, length, where, text)
    # What was made of a file goes with the file.
    sources = _sources(repository, split)
    known = _kept(key)
    if known is not None:
        return known
    task: dict[str, Any] = {"offset": offset, "length": length, "features": split.features}
    if where or text:
        columns = [name for name, feature in split.features.items() if _is_text(feature)]
        if text and not columns:
            raise Invalid(_("There is no column of text to search in."))
        task |= {"do": "search", "where": where, "text": text, "columns": columns}
    else:
        task |= {"do": "rows", "counts": counts_of(split)}
    answer = _ask(task, sources)
    value = {"has_more": offset + length < split.rows} | answer.value
    _name_media(value["rows"], answer.parts)
    _keep(key, value)
    return value


def query(
    repository: Repository, splits: Sequence[DatasetSplit], sql: str, *, current: DatasetSplit, key: str = ""
) -> dict[str, Any]:
    """`{"columns", "rows", "has_more"}` of one SELECT. Every split of the configuration is a view under its
    name, the current one also as `data`. With a `key` it can be cancelled.

    Raises Invalid, QueryRefused, TooManyRequests, ConvertedGone.
    """
    if not sql.strip():
        raise Invalid(_("There is nothing to ask."), hint=_("Write a SELECT."))
    if len(sql) > LONGEST_QUERY or "\x00" in sql:
        raise Invalid(_("This query is too long, or holds signs that no query has."))
    sources: list[Source] = []
    views: dict[str, list[int]] = {}
    for split in splits:
        own = _sources(repository, split)
        views[split.split] = list(range(len(sources), len(sources) + len(own)))
        sources += own
    views.setdefault("data", views[current.split])
    task = {"do": "query", "sql": sql, "views": views, "most_rows": MOST_RESULTS}
    with _cancellable(repository, key) as is_cancelled:
        answer = _ask(task, sources, is_cancelled=is_cancelled)
    _name_media(answer.value["rows"], answer.parts)
    return answer.value


def cancel(repository: Repository, key: str) -> None:
    """End the query that was asked with this key. Who knows the key asked it: they are long and made up."""
    flag = _flag(repository, key)
    flag.parent.mkdir(parents=True, exist_ok=True)
    flag.touch()


def _sources(repository: Repository, split: DatasetSplit) -> list[Source]:
    if lost := lost_file(repository, split):
        raise Unprocessable(_("The content of %(path)s was deleted.") % {"path": lost})
    if split.converted and not stores.viewer_files().exists(split.converted):
        raise ConvertedGone
    try:
        return table_sources(repository, split)
    except asking.Refused as error:
        raise Unprocessable(str(error)) from error


def _ask(task: dict[str, Any], sources: list[Source], *, is_cancelled: Callable[[], bool] = lambda: False) -> Answer:
    if not _readers.acquire(timeout=_PATIENCE):
        raise TooManyRequests(
            _("Too many people look into data sets right now."), hint=_("Try again in a few seconds."), retry_after=5
        )
    try:
        limits = Limits(settings.VIEWER_MEMORY, settings.VIEWER_SECONDS)
        return asking.ask(task, sources, limits=limits, is_cancelled=is_cancelled)
    except asking.Refused as error:
        raise QueryRefused(str(error), line=error.line, column=error.column) from error
    except asking.OutOfTime as error:
        raise QueryRefused(
            _("This takes longer than %(seconds)d seconds.") % {"seconds": settings.VIEWER_SECONDS},
            hint=_("Ask for less: fewer columns, a LIMIT, one split."),
        ) from error
    except asking.OutOfMemory as error:
        raise QueryRefused(
            _("This needs more memory than is allowed, or the file is damaged."),
            hint=_("Ask for less: fewer columns, a LIMIT, one split."),
        ) from error
    except asking.Cancelled as error:
        raise QueryRefused(_("The query was cancelled.")) from error
    except asking.NoCage as error:
        raise Unavailable(
            _("This machine cannot read strangers' files safely, so it does not."), hint=str(error)
        ) from error
    finally:
        _readers.release()


def _name_media(rows: list[dict[str, Any]], parts: list[bytes]) -> None:
    """Put pictures and sounds into the viewer's store, and their names where numbers were."""
    store = stores.viewer_files()
    names = [hashlib.sha256(part).hexdigest() for part in parts]
    for name, part in zip(names, parts, strict=True):
        if not store.touch(name):
            store.put(io.BytesIO(part), name)
    for row in rows:
        for shown in row["media"].values():
            for medium in shown:
                medium["name"] = f"{names[medium.pop('part')]}.{_EXTENSIONS[medium['type']]}"


def _key(split: DatasetSplit, *more: Any) -> str:
    text = json.dumps([EDITION, split.fingerprint, split.features, *more], sort_keys=True)
    return hashlib.sha256(b"page " + text.encode()).hexdigest()


def _kept(key: str) -> dict[str, Any] | None:
    """A page that was read before, if its pictures are still there."""
    store = stores.viewer_files()
    try:
        with store.open(key) as file:
            value = json.load(file)
    except ObjectMissing:
        return None
    names = {medium["name"] for row in value["rows"] for shown in row["media"].values() for medium in shown}
    return value if all(store.exists(name.partition(".")[0]) for name in names) else None


def _keep(key: str, value: dict[str, Any]) -> None:
    store = stores.viewer_files()
    with store.stage(io.BytesIO(json.dumps(value).encode())) as staged:
        store.adopt(staged, key)


@contextmanager
def _cancellable(repository: Repository, key: str) -> Iterator[Callable[[], bool]]:
    if not key:
        yield lambda: False
        return
    flag = _flag(repository, key)
    flag.unlink(missing_ok=True)
    try:
        yield flag.exists
    finally:
        flag.unlink(missing_ok=True)


def _flag(repository: Repository, key: str) -> Path:
    """A file, because the request that cancels may reach another process."""
    if not 16 <= len(key) <= 100:
        raise Invalid(_("The key of a query has 16 to 100 signs."))
    name = hashlib.sha256(f"{repository.pk} {key}".encode()).hexdigest()
    return Path(settings.VIEWER_ROOT) / "stage" / f"cancel-{name}"


def _is_text(feature: Any) -> bool:
    return isinstance(feature, dict) and feature.get("dtype") in {"string", "large_string", "string_view"}
