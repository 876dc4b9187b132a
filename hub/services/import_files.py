"""The way of an import that brings the files of one revision: one run is one commit.

Nothing is committed before everything has arrived. The commit says where it came from.
"""

from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from common.services import audit
from hub.enums import ImportNote, ImportReason, ImportState, RefChange
from hub.git.refs import BRANCH
from hub.models import Import, ImportRun, Repository, RepositoryObject
from hub.selectors import imports as selectors
from hub.selectors.revisions import File, files_at, revision_of
from hub.services import quotas
from hub.services.commits import AddBytes, AddPointer, DeleteFile, Operation, commit
from hub.services.import_sources import Info, SourceFile, SourceWrong
from hub.services.import_turns import Halted, Turn, end
from hub.services.imports import move
from hub.services.locks import share_history

MAX_SMALL_TOTAL = 512 * 2**20  # bytes of files in git that one run brings


@dataclass
class Plan:
    """What one run changes here."""

    large: list[SourceFile] = field(default_factory=list)
    small: list[SourceFile] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    # Large files whose content is to be fetched, each once.
    missing: dict[str, SourceFile] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(file.size for file in [*self.missing.values(), *self.small])

    @property
    def files(self) -> int:
        return len(self.missing) + len(self.small)


def copy(turn: Turn, info: Info) -> None:
    """Make the default branch here hold the files of a commit there. Raises Halted, and as Source does."""
    _adopt(turn)
    if turn.found.source_commit == info.commit:
        turn.finish()
        return
    files = turn.source.files(info.commit)
    repository, plan = _prepare(turn, files)
    for file in plan.missing.values():
        _fetch(turn, repository, info, file)
    _commit(turn, repository, info, _operations(turn, info, plan), [file.path for file in files])


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


def _adopt(turn: Turn) -> None:
    """A mirror goes on from the commit that it wrote itself; other commits here make it stop."""
    found, repository = turn.found, turn.found.repository
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
    turn.note(local_commit=head, source_commit=copied, copied_at=timezone.now())


@transaction.atomic
def _prepare(turn: Turn, files: list[SourceFile]) -> tuple[Repository, Plan]:
    """The copy, made now if it is not there, and what is to do; refused before a byte of a file comes."""
    found = turn.found
    is_new = found.repository is None
    repository = turn.make_place()
    if is_new:
        found.repository = repository
        found.local_commit = revision_of(repository, repository.default_branch).commit
    plan = plan_for(repository, found, files)
    if sum(file.size for file in plan.small) > MAX_SMALL_TOTAL:
        raise SourceWrong("Its small files are too many for one commit.")
    quotas.require_room(repository, plan.bytes, files=[file.size for file in plan.missing.values()])
    locked = turn.mine()
    move(locked, ImportState.COPYING)
    locked.repository, locked.local_commit = repository, found.local_commit
    locked.paths = sorted({*found.paths, *(file.path for file in files)})  # more is known after a crash
    locked.bytes_total, locked.files_total = plan.bytes, plan.files
    locked.bytes_done = locked.files_done = 0
    locked.save()
    return repository, plan


def _fetch(turn: Turn, repository: Repository, info: Info, file: SourceFile) -> None:
    turn.fetch(
        repository,
        file.path,
        file.sha256,
        file.size,
        lambda begin, length, take: turn.source.part(info.commit, file, begin, length, take),
    )


def _operations(turn: Turn, info: Info, plan: Plan) -> list[Operation]:
    operations: list[Operation] = [DeleteFile(path) for path in plan.deleted]
    operations += [AddPointer(file.path, file.sha256, file.size) for file in plan.large]
    for file in plan.small:
        operations.append(AddBytes(file.path, turn.source.small_file(info.commit, file)))
        turn.tell(file.size)
    return operations


@transaction.atomic
def _commit(turn: Turn, repository: Repository, info: Info, operations: list[Operation], paths: list[str]) -> None:
    found = turn.found
    share_history(repository)
    locked = turn.mine()
    if operations:
        done = commit(
            repository,
            operations,
            by=turn.by,
            message=f"Import {found.source_name} at {info.commit[:10]}",
            description=f"{selectors.TRAILER}{found.source_url}@{info.commit}",
            branch=repository.default_branch,
            parent=found.local_commit,
        )
        locked.local_commit = done.oid
    _report(locked, repository, found.local_commit)
    locked.source_commit, locked.copied_at, locked.paths = info.commit, timezone.now(), paths
    locked.files_done, locked.bytes_done = locked.files_total, locked.bytes_total
    end(locked, ImportState.DONE)
    audit.record("import.done", str(locked), source=found.source_url, commit=info.commit, local=locked.local_commit)


def _report(locked: Import, repository: Repository, before: str) -> None:
    change = {
        "ref": BRANCH + repository.default_branch,
        "how": RefChange.FORWARD.value,
        "before": before,
        "after": locked.local_commit,
    }
    ImportRun.objects.create(
        imported=locked,
        turn=locked.turn,
        ended_at=timezone.now(),
        changes=[change] if locked.local_commit != before else [],
        notes=[] if locked.revision else [{"code": ImportNote.NO_GIT.value, "detail": ""}],
        files=locked.files_total,
        bytes=locked.bytes_total,
    )


def _is_same(here: File | None, there: SourceFile) -> bool:
    if here is None:
        return False
    return here.lfs_sha256 == there.sha256 if there.sha256 else not here.lfs_sha256 and here.oid == there.oid
