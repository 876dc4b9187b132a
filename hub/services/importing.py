"""An import at work: claimed, checked, copied, committed; taken up again where it broke off.

The row is the truth and messages only hurry: whoever sweeps finds what is due. A worker that dies
keeps its claim for as long as `LEASE`. Each turn has a number, so one that was paused, cancelled or
overtaken notices at its next block and stops. Parts of large files that arrived stay.
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from accounts.principal import Principal
from common.downloading import Answer, DownloadFailed
from common.errors import Refusal
from common.outgoing import AddressRefused
from common.services import audit
from hub import rules, stores
from hub.algorithms.redistribution import Redistribution, redistribution
from hub.enums import ImportReason, ImportSchedule, ImportState, Visibility
from hub.errors import BranchMoved, FileTooLarge, StorageFull
from hub.models import Import, Repository, RepositoryObject
from hub.selectors import imports as selectors
from hub.selectors.revisions import File, files_at, revision_of
from hub.services import objects, quotas
from hub.services.commits import AddBytes, AddPointer, DeleteFile, Operation, commit
from hub.services.import_sources import Info, Source, SourceClosed, SourceFile, SourceWrong
from hub.services.imports import move, token_of
from hub.services.locks import share_history
from hub.services.repositories import create_repository
from hub.storage.errors import DigestMismatch, TooLarge

LEASE = timedelta(seconds=90)
PAUSES = (60, 600, 3600, 21600)  # seconds after the first try, the second, …
MAX_LOST = 10  # tries without a single part that arrived
_AT_ONCE = 2  # of one person
_TOLD_EVERY = 1.0  # seconds between two notes of how far it is
MAX_SMALL_TOTAL = 512 * 2**20  # bytes of files in git that one run brings


class Interrupted(Exception):
    """Somebody paused, cancelled or took over."""


class Halted(Exception):
    """It cannot go on by itself; `state` says whether a person can let it."""

    def __init__(self, reason: ImportReason, detail: str = "", *, state: ImportState = ImportState.FAILED) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.state = reason, detail, state


@dataclass
class Plan:
    """What one run changes here."""

    large: list[SourceFile] = field(default_factory=list)
    small: list[SourceFile] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    # Large files whose content is to be fetched, each once.
    missing: dict[str, SourceFile] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.large or self.small or self.deleted)

    @property
    def bytes(self) -> int:
        return sum(file.size for file in [*self.missing.values(), *self.small])

    @property
    def files(self) -> int:
        return len(self.missing) + len(self.small)


def due() -> list[int]:
    """Imports to work on now, a few of each person."""
    now = timezone.now()
    busy = Import.objects.filter(claimed_until__gt=now).values("created_by").annotate(n=Count("pk"))
    busy = busy.filter(n__gte=_AT_ONCE, created_by__isnull=False)
    rows = Import.objects.filter(_due()).exclude(created_by__in=busy.values("created_by"))
    place = Window(RowNumber(), partition_by=F("created_by"), order_by=[F("next_run_at"), F("id")])
    rows = rows.annotate(place=place).filter(place__lte=_AT_ONCE)
    return list(rows.order_by("next_run_at", "id").values_list("pk", flat=True)[:100])


def run(pk: int) -> bool:
    """Work on an import, if it is due and nobody else is at it; returns whether it was."""
    found = _claim(pk)
    if found is None:
        return False
    try:
        Run(found).work()
    except Interrupted:
        pass
    except Halted as halted:
        _settle(found, halted.state, halted.reason, halted.detail)
    except SourceClosed as closed:
        _again(found, ImportReason.SOURCE_CLOSED, str(closed), at_once=not found.source_commit)
    except (DownloadFailed, BranchMoved) as failed:
        _again(found, ImportReason.SOURCE_SILENT, str(failed))
    except AddressRefused as refused:
        _settle(found, ImportState.FAILED, ImportReason.ADDRESS, str(refused))
    except SourceWrong as wrong:
        _settle(found, ImportState.FAILED, ImportReason.SOURCE_WRONG, str(wrong))
    except (StorageFull, FileTooLarge) as full:
        _settle(found, ImportState.FAILED, ImportReason.STORAGE, str(full))
    except Refusal as refusal:
        _settle(found, ImportState.FAILED, ImportReason.REFUSED, str(refusal))
    return True


class Run:
    """One turn of one import."""

    def __init__(self, found: Import) -> None:
        self.found = found
        self.source = Source(found.endpoint, found.kind, found.source_name, token_of(found))
        self.by = Principal(user=found.created_by)
        self.done = 0
        self.told = time.monotonic()

    def work(self) -> None:
        found = self.found
        if found.endpoint not in settings.IMPORT_SOURCES:
            raise Halted(ImportReason.ADDRESS, found.endpoint)
        self._require_rights()
        info = self.source.info(found.revision)
        self._adopt()
        self._require_licence(info)
        if found.source_commit == info.commit:
            self._finish(info)
            return
        files = self.source.files(info.commit)
        repository, plan = self._prepare(info, files)
        for file in plan.missing.values():
            self._fetch(repository, info, file)
        operations = self._operations(info, plan)
        self._commit(repository, info, operations, [file.path for file in files])

    def _require_rights(self) -> None:
        user, found = self.by.user, self.found
        if user is None or not user.is_active:
            raise Halted(ImportReason.RIGHTS)
        repository = found.repository
        allowed = rules.may_write(self.by, repository) if repository else rules.may_create(self.by, found.namespace)
        if not allowed:
            raise Halted(ImportReason.RIGHTS)

    def _adopt(self) -> None:
        """A mirror goes on from the commit that it wrote itself; other commits here make it stop."""
        found, repository = self.found, self.found.repository
        if repository is None:
            return
        head = revision_of(repository, repository.default_branch).commit
        if head == found.local_commit:
            return
        # The ref moves before the row: a worker that died in between left its own commit.
        copied = selectors.source_commit_of(found, repository, head)
        if copied is None:
            raise Halted(ImportReason.DIVERGED, head, state=ImportState.PAUSED)
        found.local_commit, found.source_commit = head, copied
        self._note(local_commit=head, source_commit=copied, copied_at=timezone.now())

    def _require_licence(self, info: Info) -> None:
        found = self.found
        licence, closed = ", ".join(info.licences)[:200], info.is_private or info.is_gated
        self._note(licence=licence, is_closed=closed or found.is_closed)
        found.licence, found.is_closed = licence, closed or found.is_closed
        match redistribution(info.licences):
            case Redistribution.FORBIDDEN:
                raise Halted(ImportReason.LICENCE_FORBIDS, licence)
            case Redistribution.UNCLEAR if not found.statement:
                raise Halted(ImportReason.LICENCE_UNCLEAR, licence, state=ImportState.PAUSED)
        if closed and not found.sealed_token:
            raise Halted(ImportReason.TOKEN_NEEDED)
        if closed:
            self.source.require_access()
        if found.is_closed and found.repository is not None and not found.repository.is_private:
            raise Halted(ImportReason.OPEN_COPY, state=ImportState.PAUSED)

    @transaction.atomic
    def _prepare(self, info: Info, files: list[SourceFile]) -> tuple[Repository, Plan]:
        """The copy, made now if it is not there, and what is to do; refused before a byte of a file comes."""
        found = self.found
        repository = found.repository
        if repository is None:
            visibility = Visibility.PRIVATE if found.is_closed else found.visibility
            repository = create_repository(
                found.namespace, found.name, kind=found.kind, by=self.by, visibility=visibility
            )
            found.repository = repository
            found.local_commit = revision_of(repository, repository.default_branch).commit
        plan = plan_for(repository, found, files)
        if sum(file.size for file in plan.small) > MAX_SMALL_TOTAL:
            raise SourceWrong("Its small files are too many for one commit.")
        quotas.require_room(repository, plan.bytes, files=[file.size for file in plan.missing.values()])
        locked = self._mine()
        move(locked, ImportState.COPYING)
        locked.repository, locked.local_commit = repository, found.local_commit
        locked.paths = sorted({*found.paths, *(file.path for file in files)})  # more is known after a crash
        locked.bytes_total, locked.files_total = plan.bytes, plan.files
        locked.bytes_done = locked.files_done = 0
        locked.save()
        return repository, plan

    def _fetch(self, repository: Repository, info: Info, file: SourceFile) -> None:
        """The parts of a large file that are not here yet, then all of it against its sha256."""
        uploads = stores.partial_uploads()
        key = f"import-{self.found.pk}-{file.sha256}"
        upload = uploads.begin(key, size=file.size, part_size=settings.LFS_PART_SIZE)
        there = {part.number for part in uploads.parts(key)}
        self._tell(sum(upload.length_of(number) for number in there))
        for number in range(1, upload.count + 1):
            if number in there:
                continue
            begin = (number - 1) * upload.part_size

            def take(answer: Answer, number: int = number) -> None:
                try:
                    uploads.put_part(key, number, _Counting(self, answer))
                except DigestMismatch as error:
                    raise DownloadFailed(str(error)) from error
                except TooLarge as error:
                    raise SourceWrong(f"{file.path}: {error}") from error

            self.source.part(info.commit, file, begin, upload.length_of(number), take)
            self._note(tries=1)
        try:
            objects.complete_upload(repository, key, file.sha256, by=self.by)
        except DigestMismatch as error:
            raise SourceWrong(f"{file.path}: {error}") from error
        self._note(files_done=F("files_done") + 1, bytes_done=self.done)

    def _operations(self, info: Info, plan: Plan) -> list[Operation]:
        operations: list[Operation] = [DeleteFile(path) for path in plan.deleted]
        operations += [AddPointer(file.path, file.sha256, file.size) for file in plan.large]
        for file in plan.small:
            operations.append(AddBytes(file.path, self.source.small_file(info.commit, file)))
            self._tell(file.size)
        return operations

    @transaction.atomic
    def _commit(self, repository: Repository, info: Info, operations: list[Operation], paths: list[str]) -> None:
        found = self.found
        share_history(repository)
        locked = self._mine()
        if operations:
            done = commit(
                repository,
                operations,
                by=self.by,
                message=f"Import {found.source_name} at {info.commit[:10]}",
                description=f"{selectors.TRAILER}{found.source_url}@{info.commit}",
                branch=repository.default_branch,
                parent=found.local_commit,
            )
            locked.local_commit = done.oid
        locked.source_commit, locked.copied_at, locked.paths = info.commit, timezone.now(), paths
        locked.files_done, locked.bytes_done = locked.files_total, locked.bytes_total
        _end(locked, ImportState.DONE)
        audit.record("import.done", str(locked), source=found.source_url, commit=info.commit, local=locked.local_commit)

    @transaction.atomic
    def _finish(self, info: Info) -> None:
        """There is nothing new."""
        locked = self._mine()
        _end(locked, ImportState.DONE)

    def _mine(self) -> Import:
        """The row, locked and still this turn's. Raises Interrupted."""
        row = _ours(self.found).select_for_update().first()
        if row is None:
            raise Interrupted
        return row

    def _note(self, **facts: object) -> None:
        """Write facts down and keep the claim. Raises Interrupted."""
        if not _ours(self.found).update(claimed_until=timezone.now() + LEASE, **facts):
            raise Interrupted

    def _tell(self, count: int) -> None:
        """So many more bytes are here."""
        self.done += count
        if time.monotonic() - self.told >= _TOLD_EVERY:
            self.told = time.monotonic()
            self._note(bytes_done=self.done)


class _Counting:
    """The bytes of an answer, counted on their way."""

    def __init__(self, run: Run, answer: Answer) -> None:
        self.run, self.answer = run, answer

    def read(self, size: int = 2**20, /) -> bytes:
        block = self.answer.read(size)
        self.run._tell(len(block))  # noqa: SLF001 - the two are one thing
        return block


def plan_for(repository: Repository, found: Import, files: list[SourceFile]) -> Plan:
    """What makes the files here those of the source. What no run brought is not deleted."""
    entries = files_at(revision_of(repository, repository.default_branch))
    here = {file.path: file for file in entries if not file.is_folder}
    there = {file.path for file in files}
    plan = Plan(deleted=sorted(path for path in found.paths if path in here and path not in there))
    changed = [file for file in files if not _is_same(here.get(file.path), file)]
    plan.large = [file for file in changed if file.sha256]
    plan.small = [file for file in changed if not file.sha256]
    wanted = {file.sha256: file for file in plan.large}
    held = RepositoryObject.objects.filter(repository=repository, object_id__in=wanted)
    known = set(held.values_list("object_id", flat=True))
    plan.missing = {sha256: file for sha256, file in wanted.items() if sha256 not in known}
    return plan


def _is_same(here: File | None, there: SourceFile) -> bool:
    if here is None:
        return False
    return here.lfs_sha256 == there.sha256 if there.sha256 else not here.lfs_sha256 and here.oid == there.oid


def _ours(found: Import):  # type: ignore[no-untyped-def] # the manager's own type
    states = [ImportState.CHECKING, ImportState.COPYING]
    return Import.objects.filter(pk=found.pk, turn=found.turn, state__in=states)


@transaction.atomic
def _claim(pk: int) -> Import | None:
    rows = Import.objects.select_for_update(skip_locked=True, of=("self",)).filter(_due(), pk=pk)
    found = rows.select_related("created_by", "namespace", "repository__namespace").first()
    if found is None:
        return None
    if found.state != ImportState.QUEUED:  # a worker was lost, or a mirror is due
        move(found, ImportState.QUEUED)
    found.turn += 1
    found.tries += 1
    if found.tries > MAX_LOST:
        _end(found, ImportState.FAILED, ImportReason.LOST)
        return None
    move(found, ImportState.CHECKING)
    found.claimed_until = timezone.now() + LEASE
    found.save()
    return found


@transaction.atomic
def _settle(found: Import, state: ImportState, reason: ImportReason, detail: str) -> None:
    """Write down how a turn ended, unless a later one has begun."""
    row = _ours(found).select_for_update().first()
    if row is not None:
        _end(row, state, reason, detail)
        audit.record(f"import.{state}", str(row), reason=str(reason), detail=detail[:300])


@transaction.atomic
def _again(found: Import, reason: ImportReason, detail: str, *, at_once: bool = False) -> None:
    """Try later, with growing pauses; give up after the last of them, or at once."""
    row = _ours(found).select_for_update().first()
    if row is None:
        return
    if at_once or row.tries > len(PAUSES):
        _end(row, ImportState.FAILED, reason, detail)
        audit.record("import.failed", str(row), reason=str(reason), detail=detail[:300])
        return
    move(row, ImportState.QUEUED, reason, detail)
    row.claimed_until = None
    row.next_run_at = timezone.now() + timedelta(seconds=PAUSES[row.tries - 1])
    row.save()


def _end(row: Import, state: ImportState, reason: ImportReason | str = "", detail: str = "") -> None:
    move(row, state, reason, detail)
    row.claimed_until = None
    if state == ImportState.DONE:
        row.tries = 0
        row.next_run_at = timezone.now() + timedelta(days=ImportSchedule(row.schedule).days)
    row.save()


def _due() -> Q:
    now = timezone.now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
    active = Q(state__in=[state for state in ImportState if state.is_active])
    mirror = Q(state=ImportState.DONE) & ~Q(schedule=ImportSchedule.NONE)
    return free & (active | mirror) & Q(next_run_at__lte=now)
