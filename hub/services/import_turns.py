"""One turn of an import: who works for whom, what must hold before anything is copied, how far it is.

Each turn has a number, so one that was paused, cancelled or overtaken notices at its next block
and stops. Parts of large files that arrived stay.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.principal import Principal
from common.downloading import Answer, DownloadFailed
from hub import rules, stores
from hub.algorithms.redistribution import Redistribution, redistribution
from hub.enums import ImportReason, ImportSchedule, ImportState, Visibility
from hub.models import Import, Repository
from hub.services import objects
from hub.services.import_sources import Info, Source, SourceWrong
from hub.services.imports import move, token_of
from hub.services.repositories import create_repository
from hub.storage.errors import DigestMismatch, TooLarge

LEASE = timedelta(seconds=90)
_TOLD_EVERY = 1.0  # seconds between two notes of how far it is

# Hands so many bytes from a place on to somebody.
PartReader = Callable[[int, int, Callable[[Answer], None]], None]


class Interrupted(Exception):
    """Somebody paused, cancelled or took over."""


class Halted(Exception):
    """It cannot go on by itself; `state` says whether a person can let it."""

    def __init__(self, reason: ImportReason, detail: str = "", *, state: ImportState = ImportState.FAILED) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.state = reason, detail, state


class Turn:
    """One turn of one import."""

    def __init__(self, found: Import) -> None:
        self.found = found
        self.source = Source(found.endpoint, found.kind, found.source_name, token_of(found))
        self.by = Principal(user=found.created_by)
        self.done = 0
        self.told = time.monotonic()

    def require_rights(self) -> None:
        """Raises Halted."""
        user, found = self.by.user, self.found
        if user is None or not user.is_active:
            raise Halted(ImportReason.RIGHTS)
        repository = found.repository
        allowed = rules.may_write(self.by, repository) if repository else rules.may_create(self.by, found.namespace)
        if not allowed:
            raise Halted(ImportReason.RIGHTS)

    def require_licence(self, info: Info) -> None:
        """The source may be copied, and to such a place. Raises Halted, and as `Source.info` does."""
        found = self.found
        licence, closed = ", ".join(info.licences)[:200], info.is_private or info.is_gated
        self.note(licence=licence, is_closed=closed or found.is_closed)
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

    def place(self) -> Repository:
        """The copy, or what it is going to be, which nothing knows yet."""
        found = self.found
        visibility = Visibility.PRIVATE if found.is_closed else found.visibility
        return found.repository or Repository(
            namespace=found.namespace, name=found.name, kind=found.kind, visibility=visibility
        )

    def make_place(self, *, default_branch: str = "main") -> Repository:
        """The copy, made now if it is not there. Raises as `create_repository` does."""
        if self.found.repository is not None:
            return self.found.repository
        place = self.place()
        facts = {"kind": place.kind, "visibility": place.visibility, "default_branch": default_branch}
        return create_repository(place.namespace, place.name, by=self.by, **facts)

    def fetch(self, repository: Repository, name: str, sha256: str, size: int, read: PartReader) -> None:
        """The parts of a large file that are not here yet, then all of it against its sha256.

        Raises SourceWrong, and as `read` does.
        """
        uploads = stores.partial_uploads()
        key = f"import-{self.found.pk}-{sha256}"
        upload = uploads.begin(key, size=size, part_size=settings.LFS_PART_SIZE)
        there = {part.number for part in uploads.parts(key)}
        self.tell(sum(upload.length_of(number) for number in there))
        for number in range(1, upload.count + 1):
            if number in there:
                continue

            def take(answer: Answer, number: int = number) -> None:
                try:
                    uploads.put_part(key, number, _Counting(self, answer))
                except DigestMismatch as error:
                    raise DownloadFailed(str(error)) from error
                except TooLarge as error:
                    raise SourceWrong(f"{name}: {error}") from error

            read((number - 1) * upload.part_size, upload.length_of(number), take)
            self.note(tries=1)
        try:
            objects.complete_upload(repository, key, sha256, by=self.by)
        except DigestMismatch as error:
            raise SourceWrong(f"{name}: {error}") from error
        self.note(files_done=F("files_done") + 1, bytes_done=self.done)

    @transaction.atomic
    def finish(self) -> None:
        """There is nothing new."""
        end(self.mine(), ImportState.DONE)

    def mine(self) -> Import:
        """The row, locked and still this turn's. Raises Interrupted."""
        row = ours(self.found).select_for_update().first()
        if row is None:
            raise Interrupted
        return row

    def note(self, **facts: Any) -> None:
        """Write facts down and keep the claim. Raises Interrupted."""
        if not ours(self.found).update(claimed_until=timezone.now() + LEASE, **facts):
            raise Interrupted

    def tell(self, count: int) -> None:
        """So many more bytes are here."""
        self.done += count
        if time.monotonic() - self.told >= _TOLD_EVERY:
            self.told = time.monotonic()
            self.note(bytes_done=self.done)


class _Counting:
    """The bytes of an answer, counted on their way."""

    def __init__(self, turn: Turn, answer: Answer) -> None:
        self.turn, self.answer = turn, answer

    def read(self, size: int = 2**20, /) -> bytes:
        block = self.answer.read(size)
        self.turn.tell(len(block))
        return block


def ours(found: Import) -> QuerySet[Import]:
    """The row of an import while the turn that it was claimed for is at work."""
    states = [ImportState.CHECKING, ImportState.COPYING]
    return Import.objects.filter(pk=found.pk, turn=found.turn, state__in=states)


def end(row: Import, state: ImportState, reason: ImportReason | str = "", detail: str = "") -> None:
    """A turn is over: nobody works on it, and after success it is due when its schedule says."""
    move(row, state, reason, detail)
    row.claimed_until = None
    if state == ImportState.DONE:
        row.tries = 0
        row.next_run_at = timezone.now() + timedelta(days=ImportSchedule(row.schedule).days)
    row.save()
