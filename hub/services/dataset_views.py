"""Looking at the files of a data set after a commit: which tables there are, and what is in them."""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from hub import stores
from hub.algorithms import cards, data_files
from hub.enums import VIEW_MOVES, RepositoryKind, ViewState
from hub.models import DatasetSplit, DatasetView, Repository
from hub.selectors.dataset_views import file_sources, table_sources, view_at
from hub.selectors.revisions import File, files_at, read_text, revision_of
from hub.viewer import asking
from hub.viewer.asking import Limits, Source

# Part of every key: what an older version of this code made is made anew.
EDITION = 1
SECONDS = 180
MOST_FILES = 2000
_QUEUE_AGAIN = timedelta(minutes=10)
_KEPT = timedelta(days=30)
# Kept in English and translated where they are shown.
_NOTHING = gettext_noop("There are no Parquet, CSV or JSON lines files here.")
_SLOW = gettext_noop("Reading these files takes too long.")
_DAMAGED = gettext_noop("These files are damaged, or need more memory than is allowed.")


def request_view(repository: Repository, commit: str) -> DatasetView:
    """The view of a commit; one that is missing, or whose work was lost, is handed to a worker."""
    now = timezone.now()
    found = view_at(repository, commit)
    if found is None:
        found, _created = DatasetView.objects.get_or_create(repository=repository, commit=commit)
    elif found.asked_at < now - timedelta(hours=1):
        DatasetView.objects.filter(pk=found.pk).update(asked_at=now)
    if found.state == ViewState.WAITING:
        _queue(found)
    return found


def renew_view(view: DatasetView) -> None:
    """Look at it again: a file that was made for it is gone."""
    with transaction.atomic():
        locked = DatasetView.objects.select_for_update().get(pk=view.pk)
        if ViewState.WAITING in VIEW_MOVES[ViewState(locked.state)]:
            locked.splits.all().delete()
            _move(locked, ViewState.WAITING)
            DatasetView.objects.filter(pk=view.pk).update(queued_at=None)
    view.refresh_from_db()
    _queue(view)


def make_view(view_id: int) -> None:
    """What the worker does. Done twice it does the work twice and keeps the first result."""
    view = DatasetView.objects.select_related("repository__namespace").filter(pk=view_id).first()
    if view is None or view.state != ViewState.WAITING:
        return
    revision = revision_of(view.repository, view.commit)
    files = {file.path: file for file in files_at(revision)}
    card = cards.parse(read_text(revision, "README.md", limit=cards.MAX_LENGTH * 4) or "")
    listed = data_files.splits_of(card.metadata, files)
    made = [_look_at(view.repository, one, files) for one in listed]
    _keep(view, made)


def is_viewable(repository: Repository) -> bool:
    return repository.kind == RepositoryKind.DATASET


def tidy() -> None:
    """Forget views that nobody asked for, and files of the viewer that are old or too many."""
    limit = timezone.now() - _KEPT
    DatasetView.objects.filter(asked_at__lt=limit).delete()
    store = stores.viewer_files()
    store.sweep_stage()
    total = 0
    # Pages refer to pictures that were kept with them or later, so the oldest may go first.
    for entry in sorted(store.names(), key=lambda entry: -entry.stored_at):
        total += entry.size
        if total > settings.VIEWER_CACHE or entry.stored_at < limit.timestamp():
            store.delete(entry.name)


def _queue(view: DatasetView) -> None:
    """At most once in ten minutes, whoever asks how often."""
    now = timezone.now()
    waiting = DatasetView.objects.filter(pk=view.pk, state=ViewState.WAITING)
    late = waiting.filter(queued_at__isnull=True) | waiting.filter(queued_at__lt=now - _QUEUE_AGAIN)
    if late.update(queued_at=now):
        from hub.tasks import view_dataset  # noqa: PLC0415 - tasks lie above services

        transaction.on_commit(lambda: view_dataset.delay(view.pk), robust=True)


def _look_at(repository: Repository, listed: data_files.SplitFiles, files: dict[str, File]) -> DatasetSplit:
    chosen = [files[path] for path in listed.paths]
    made = DatasetSplit(
        config=listed.config,
        split=listed.split,
        format=listed.format,
        fingerprint=_fingerprint(repository, listed, chosen),
        files=[_entry(file) for file in chosen],
        size=sum(file.size for file in chosen),
    )
    known = _known(repository, made.fingerprint)
    if known is not None:
        for name in ("columns", "rows", "files", "converted", "converted_size", "statistics", "measured_rows"):
            setattr(made, name, getattr(known, name))
        for entry, file in zip(made.files, chosen, strict=True):
            entry["path"] = file.path
        return made
    try:
        _fill(repository, made, chosen)
    except asking.Refused as error:
        made.problem = str(error)
    except asking.OutOfTime:
        made.problem = _SLOW
    except asking.OutOfMemory:
        made.problem = _DAMAGED
    except asking.NoCage as error:
        made.problem = f"This machine cannot read strangers' files safely: {error}."
    return made


def _fill(repository: Repository, made: DatasetSplit, files: Sequence[File]) -> None:
    if len(files) > MOST_FILES:
        raise asking.Refused(f"These are {len(files)} files; more than {MOST_FILES} are not shown as one table.")
    sources = file_sources(repository, files)
    for entry, source in zip(made.files, sources, strict=True):
        entry["sha256"] = entry["sha256"] or _digest(source)
    if made.format != "parquet":
        _convert(made, sources)
        sources = table_sources(repository, made)
    described = _described(sources)
    made.columns = [{"name": name, "feature": feature} for name, feature in described["features"]]
    made.rows = sum(described["rows"])
    made.statistics = described["statistics"]
    made.measured_rows = min(made.rows, settings.VIEWER_MEASURED_ROWS) if made.statistics else 0
    if not made.converted:
        for entry, count in zip(made.files, described["rows"], strict=True):
            entry["rows"] = count


def _described(sources: list[Source]) -> dict[str, Any]:
    """Statistics are an extra: what cannot be measured can still be read."""
    task = {"do": "describe", "most_rows": settings.VIEWER_MEASURED_ROWS}
    try:
        return asking.ask(task, sources, limits=_limits()).value
    except (asking.OutOfTime, asking.OutOfMemory):
        return asking.ask(task | {"most_rows": 0}, sources, limits=_limits()).value


def _convert(made: DatasetSplit, sources: list[Source]) -> None:
    if made.size > settings.VIEWER_CONVERTED:
        raise asking.Refused(
            f"These files hold more than {settings.VIEWER_CONVERTED} bytes. Write them as Parquet, and they are shown."
        )
    store = stores.viewer_files()
    with tempfile.TemporaryFile() as output:
        limits = replace(_limits(), output=4 * settings.VIEWER_CONVERTED)
        asking.ask({"do": "convert", "format": made.format}, sources, limits=limits, output=output)
        output.seek(0)
        with store.stage(output) as staged:
            made.converted, made.converted_size = staged.sha256, staged.size
            store.adopt(staged, staged.sha256)


def _keep(view: DatasetView, made: list[DatasetSplit]) -> None:
    with transaction.atomic():
        locked = DatasetView.objects.select_for_update().filter(pk=view.pk).first()
        if locked is None or locked.state != ViewState.WAITING:
            return
        for position, split in enumerate(made):
            split.view, split.position = locked, position
        DatasetSplit.objects.bulk_create(made)
        _move(locked, ViewState.READY if made else ViewState.FAILED, problem="" if made else _NOTHING)


def _move(view: DatasetView, state: ViewState, *, problem: str = "") -> None:
    assert state in VIEW_MOVES[ViewState(view.state)]
    view.state = state
    view.problem = problem
    view.save(update_fields=["state", "problem"])


def _known(repository: Repository, fingerprint: str) -> DatasetSplit | None:
    """The same table at another commit; what was made for it must still be there."""
    found = DatasetSplit.objects.filter(view__repository=repository, fingerprint=fingerprint, problem="").first()
    if found is not None and found.converted and not stores.viewer_files().touch(found.converted):
        return None
    return found


def _fingerprint(repository: Repository, listed: data_files.SplitFiles, files: Sequence[File]) -> str:
    """The repository belongs to it: whoever knows a digest must not find another one's rows by it."""
    text = json.dumps([EDITION, repository.pk, listed.format, [file.etag for file in files]])
    return hashlib.sha256(text.encode()).hexdigest()


def _entry(file: File) -> dict[str, Any]:
    return {
        "path": file.path,
        "size": file.size,
        "oid": file.oid,
        "sha256": file.lfs_sha256,
        "is_large": bool(file.lfs_sha256),
        "rows": 0,
    }


def _digest(source: Source) -> str:
    """Small files lie in git under another name; Croissant wants this one."""
    digest = hashlib.sha256()
    for start in range(0, source.size, 2**20):
        digest.update(source.read(start, min(2**20, source.size - start)))
    return digest.hexdigest()


def _limits() -> Limits:
    return Limits(settings.VIEWER_MEMORY, SECONDS)
