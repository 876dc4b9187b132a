"""The sweeper: marks what anything needs, and moves the rest to the trash (docs/decisions/057).

Nothing is judged by looking at one repository: an object stays while any row holds it,
the index of any branch lists it, or any commit of any ref of any repository names it. A
repository that cannot be read stops the sweep of objects. Every step first writes down
what it takes, then moves it, and leaves alone what was offered or named meanwhile, so it
may run beside uploads and commits, and be killed at any moment.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from common.errors import Conflict
from hub import stores
from hub.enums import SWEEP_MOVES, SweepState, SweptKind
from hub.git import repositories as git
from hub.git.errors import GitError
from hub.git.reachable import named_objects
from hub.models import (
    BucketFile,
    BucketObject,
    LargeObject,
    OfferedObject,
    ReleasedObject,
    Repository,
    RepositoryObject,
    Sweep,
    SweptItem,
    TreeEntry,
)
from hub.services import holdings, index
from hub.services.locks import lock_history

T = TypeVar("T")

_ROWS = 500  # in one transaction
# Bytes reach the store seconds before their row; folders, an hour before theirs at most.
_IN_FLIGHT = timedelta(days=1)


def sweep(*, delete: bool, now: datetime | None = None) -> Sweep:
    """One run. Without `delete` it only counts what would go. Raises Conflict while another one runs."""
    now = now or timezone.now()
    with _alone():
        Sweep.objects.filter(state=SweepState.RUNNING).update(state=SweepState.FAILED, error="it was killed")
        run = Sweep.objects.create()
        work = _Work(run, now, delete=delete)
        try:
            work.run()
        except Exception as error:
            _finish(run, work, SweepState.FAILED, str(error))
            raise
        _finish(run, work, SweepState.SWEPT if delete else SweepState.DRY)
    return run


def move(run: Sweep, state: SweepState) -> None:
    """The only function that changes a state. Raises Conflict for a move that the table does not have."""
    if state not in SWEEP_MOVES[SweepState(run.state)]:
        raise Conflict(_("Sweep %(number)s is %(state)s.") % {"number": run.pk, "state": run.get_state_display()})
    run.state = state
    run.save(update_fields=["state"])


def trash_of(run: Sweep, kind: SweptKind | str) -> Path:
    """Where a run puts things of one kind: on the file system where they lie."""
    root = settings.REPOSITORIES_ROOT / ".trash" if kind == SweptKind.FOLDER else settings.OBJECTS_ROOT / "trash"
    return root / str(run.pk) / str(kind)


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended('sweep', 0))")
        if not cursor.fetchone()[0]:
            raise Conflict(_("Another sweep is running."), hint=_("Wait until it has ended."))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended('sweep', 0))")


def _finish(run: Sweep, work: "_Work", state: SweepState, error: str = "") -> None:
    run.counts = {kind: {"count": count, "bytes": size} for kind, (count, size) in sorted(work.counts.items())}
    run.bytes = sum(size for kind, (_count, size) in work.counts.items() if kind != SweptKind.HOLDING)
    run.ended_at = timezone.now()
    run.error = error
    run.save(update_fields=["counts", "bytes", "ended_at", "error"])
    move(run, state)


class _Work:
    """What one run has taken so far."""

    def __init__(self, run: Sweep, now: datetime, *, delete: bool) -> None:
        self.run_row = run
        self.now = now
        self.delete = delete
        self.counts: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        # What is gone, or in a dry run would be.
        self.gone: dict[str, LargeObject] = {}

    def run(self) -> None:
        self.uploads_without_a_name()
        self.objects()
        self.plain_files()
        forgotten = self.recipes()
        self.xorbs(forgotten)
        self.partial_uploads()
        self.folders()
        if self.delete:
            ReleasedObject.objects.filter(released_at__lt=self.ago(settings.SWEEP_OBJECTS_DAYS)).delete()

    def uploads_without_a_name(self) -> None:
        """What was uploaded and never committed, taken up by a pull request, or put into a bucket."""
        limit = self.ago(settings.SWEEP_UPLOADS_DAYS)
        waiting = RepositoryObject.objects.filter(committed_at__isnull=True, held_since__lt=limit)
        for repository in Repository.objects.filter(pk__in=waiting.values("repository")).iterator():
            self._unnamed_in(repository, limit)
        offers = list(OfferedObject.objects.select_related("object").filter(offered_at__lt=limit))
        for one in offers:
            facts = {"repository": one.repository_id, "user": one.user_id, "object": one.object_id}
            self.take(SweptKind.HOLDING, f"offer:{one.pk}", one.object.size, facts)
        if self.delete and offers:
            holdings.withdraw(offers)
        unused = BucketObject.objects.select_related("object", "bucket").filter(held_since__lt=limit)
        for row in unused.exclude(xet_hash__in=BucketFile.objects.values("xet_hash")).iterator():
            facts = {"bucket": row.bucket_id, "xet_hash": row.xet_hash, "object": row.object_id}
            self.take(SweptKind.HOLDING, f"bucket:{row.pk}", row.object.size, facts)
            if self.delete:
                holdings.release_from_bucket(row.bucket, [row.xet_hash])

    @transaction.atomic
    def _unnamed_in(self, repository: Repository, limit: datetime) -> None:
        lock_history(repository)
        rows = RepositoryObject.objects.select_related("object").filter(
            repository=repository, committed_at__isnull=True, held_since__lt=limit
        )
        named = named_objects(repository.path)
        if self.delete:
            # History names them, though no head of a branch ever did.
            index.name_objects(repository, set(named))
        chosen = [row for row in rows if row.object_id not in named]
        for row in chosen:
            facts = {"repository": repository.pk, "object": row.object_id}
            self.take(SweptKind.HOLDING, f"repository:{row.pk}", row.object.size, facts)
        if self.delete and chosen:
            holdings.release(repository, [row.object_id for row in chosen])

    def objects(self) -> None:
        """Rows of objects that nothing holds, names or lists, for some time now."""
        unheld = LargeObject.objects.filter(holdings.unheld())
        if self.delete:
            unheld.filter(idle_since__isnull=True).update(idle_since=self.now)
        limit = self.ago(settings.SWEEP_OBJECTS_DAYS)
        idle = set(unheld.filter(idle_since__lt=limit).values_list("pk", flat=True))
        if not idle:
            return
        idle -= set(TreeEntry.objects.filter(lfs_sha256__in=idle).values_list("lfs_sha256", flat=True))
        idle -= self._named_in_git(idle)
        chosen = sorted(idle)
        for start in range(0, len(chosen), _ROWS):
            self._forget(chosen[start : start + _ROWS], limit)

    @transaction.atomic
    def _forget(self, digests: list[str], limit: datetime) -> None:
        rows = LargeObject.objects.filter(pk__in=digests, idle_since__lt=limit).order_by("pk")
        locked = {row.pk: row for row in rows.select_for_update()}
        # Whoever held one of them before the lock is seen now; who comes later finds no row.
        free = set(LargeObject.objects.filter(pk__in=locked).filter(holdings.unheld()).values_list("pk", flat=True))
        for digest in sorted(free):
            row = locked[digest]
            facts = {
                "size": row.size,
                "is_plain": row.is_plain,
                "xet_hash": row.xet_hash,
                "created_at": row.created_at.isoformat(),
            }
            self.take(SweptKind.OBJECT, digest, 0, facts)
            self.gone[digest] = row
        if self.delete:
            LargeObject.objects.filter(pk__in=free).delete()

    def _named_in_git(self, digests: Collection[str]) -> set[str]:
        """Those that a commit of any repository names. Raises GitError when one cannot be read."""
        found: set[str] = set()
        for repository in Repository.objects.only("pk", "kind", "name", "namespace").iterator():
            try:
                found |= named_objects(repository.path).keys() & digests
            except GitError as error:
                if not Repository.objects.filter(pk=repository.pk).exists():
                    continue  # deleted meanwhile
                raise GitError(f"repository {repository.pk} cannot be read ({error}); run hub_fsck") from error
        return found

    def plain_files(self) -> None:
        """Files of the plain store without a row."""
        store, limit = stores.plain_objects(), (self.now - _IN_FLIGHT).timestamp()
        for names in _batches(one for one in store.names() if one.stored_at < limit):
            digests = [one.name for one in names]
            known = set(LargeObject.objects.filter(pk__in=digests, is_plain=True).values_list("pk", flat=True))
            for one in names:
                if one.name not in known or one.name in self.gone:
                    self.discard(
                        SweptKind.PLAIN,
                        one.name,
                        one.size,
                        partial(store.discard, one.name, idle_since=limit),
                    )

    def recipes(self) -> set[str]:
        """Recipes of files that no row names; gives them all."""
        store, limit = stores.xet_store(), (self.now - _IN_FLIGHT).timestamp()
        forgotten = set()
        for files in _batches(store.recipes.idle(limit)):
            hashes = [one.name for one in files]
            rows = LargeObject.objects.filter(xet_hash__in=hashes).exclude(pk__in=self.gone)
            known = set(rows.values_list("xet_hash", flat=True))
            for model in (BucketObject, BucketFile):
                known |= set(model.objects.filter(xet_hash__in=hashes).values_list("xet_hash", flat=True))
            for one in files:
                if one.name not in known:
                    forgotten.add(one.name)
                    self.discard(
                        SweptKind.RECIPE,
                        one.name,
                        0,
                        partial(store.discard_file, one.name, idle_since=limit),
                    )
        return forgotten

    def xorbs(self, forgotten: Collection[str]) -> None:
        """Xorbs that no recipe needs. One that is needed for a single chunk stays whole."""
        store, limit = stores.xet_store(), self.ago(settings.SWEEP_XORBS_DAYS).timestamp()
        for xorb in store.idle_xorbs(idle_since=limit, forgotten=forgotten):
            self.discard(SweptKind.XORB, xorb.name, xorb.size, partial(store.discard_xorb, xorb))

    def partial_uploads(self) -> None:
        store, limit = stores.partial_uploads(), self.ago(settings.SWEEP_UPLOADS_DAYS).timestamp()
        for key, size in list(store.idle(limit)):
            self.discard(SweptKind.UPLOAD, key, size, partial(store.discard, key, idle_since=limit))

    def folders(self) -> None:
        """Repositories on disk that no row knows, and what interrupted creations and deletions left."""
        limit = (self.now - _IN_FLIGHT).timestamp()
        for folders in _batches(git.folders_of(settings.REPOSITORIES_ROOT, idle_since=limit)):
            keys = {folder: git.key_of(folder) for folder in folders}
            numbers = [int(key) for key in keys.values() if key.isdecimal()]
            known = {str(pk) for pk in Repository.objects.filter(pk__in=numbers).values_list("pk", flat=True)}
            for folder, key in keys.items():
                if not key or key not in known:
                    where = str(folder.relative_to(settings.REPOSITORIES_ROOT))
                    self.discard(
                        SweptKind.FOLDER,
                        where,
                        git.disk_size(folder),
                        partial(git.discard, folder),
                    )

    def discard(self, kind: SweptKind, name: str, size: int, act: Callable[[Path], bool]) -> None:
        """Write down, then move; what was taken up meanwhile is neither."""
        if not self.delete:
            self.count(kind, size)
            return
        item = SweptItem.objects.create(sweep=self.run_row, kind=kind, name=name, size=size)
        if act(trash_of(self.run_row, kind)):
            self.count(kind, size)
        else:
            item.delete()

    def take(self, kind: SweptKind, name: str, size: int, facts: dict[str, object]) -> None:
        """Write down a row that goes."""
        self.count(kind, size)
        if self.delete:
            SweptItem.objects.create(sweep=self.run_row, kind=kind, name=name, size=size, facts=facts)

    def count(self, kind: SweptKind, size: int) -> None:
        count, total = self.counts[kind.value]
        self.counts[kind.value] = count + 1, total + size

    def ago(self, days: int) -> datetime:
        return self.now - timedelta(days=days)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    source = iter(items)
    while batch := list(islice(source, _ROWS)):
        yield batch
