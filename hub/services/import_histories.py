"""The way of an import that brings everything: commits, branches and tags as they are at the source.

Git's objects wait in a stage beside ours until they passed what pushes must pass, and no ref moves
before every large object that a commit names has arrived. The copy has the commits of
the source, by the same ids (docs/decisions/071).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from common.downloading import Answer, DownloadFailed
from common.services import audit
from hub.algorithms import following
from hub.algorithms.following import Step
from hub.enums import ImportNote, ImportReason, ImportState, RefChange
from hub.errors import BranchMoved
from hub.git import incoming, reading
from hub.git import pushes as git_pushes
from hub.git import refs as git_refs
from hub.git import repositories as git
from hub.git.errors import GitError, InvalidRef, PushRefused, RefMoved
from hub.git.lfs_pointer import Pointer
from hub.git.refs import BRANCH, TAG, RefUpdate
from hub.git.repositories import open_repository
from hub.git.smart_http import Push
from hub.models import Import, ImportRun, Repository
from hub.selectors.objects import held_objects
from hub.selectors.revisions import revision_of
from hub.services import histories, holdings, index, pushes, quotas, refs
from hub.services.import_git import MAX_PACK, PACK_SECONDS, Link, Remote, Seen
from hub.services.import_sources import SourceWrong
from hub.services.import_turns import Halted, Turn, end
from hub.services.imports import move
from hub.services.locks import lock_branch, share_history

_LINKS_AT_ONCE = 50
_SHOWN = 20


@dataclass
class Plan:
    """What one run changes here."""

    wanted: dict[str, str]
    default: str
    steps: list[Step]
    push: Push
    notes: dict[ImportNote, str]
    pointers: dict[str, Pointer] = field(default_factory=dict)

    @property
    def moves(self) -> list[Step]:
        return [step for step in self.steps if step.moves]

    def start_from(self, head: str) -> None:
        """The copy was made with a first commit of its own, whose place the default branch takes."""
        ref = BRANCH + self.default
        self.steps = [replace(step, before=head) if step.ref == ref else step for step in self.steps]
        self.push = replace(self.push, updates=_updates(self.steps))


def copy(turn: Turn, remote: Remote, seen: Seen) -> None:
    """Make branches and tags here those of the source. Raises Halted, and as Remote does."""
    found = turn.found
    wanted, notes = _wanted(seen)
    default = found.repository.default_branch if found.repository else _default(seen, wanted)
    if found.source_commit and wanted == found.refs:
        turn.finish()
        return
    stage = stage_of(found)
    base = found.repository.path if found.repository else None
    _start(turn)
    _receive(turn, remote, wanted, stage, base)
    plan = _plan(found, wanted, default, stage, base, notes)
    _check(turn, plan)
    repository, missing = _prepare(turn, plan)
    absent = _fetch(turn, remote, repository, missing)
    _tell_absent(plan, absent)
    _announce(turn, plan)
    _bring(turn, repository, plan, stage)
    if any(step.before and step.how != RefChange.FORWARD for step in plan.moves):
        histories.release_unreachable(repository)
    git.delete(stage)


def stage_of(found: Import) -> Path:
    """Where the objects of an import wait."""
    return git.repository_path(settings.REPOSITORIES_ROOT, f"import-{found.key}")


def _wanted(seen: Seen) -> tuple[dict[str, str], dict[ImportNote, str]]:
    """The refs that come along, and what is said of the others. Raises SourceWrong."""
    wanted, others, refused = {}, Counter[str](), []
    for ref, oid in sorted(seen.refs.items()):
        if not ref.startswith((BRANCH, TAG)):
            others["/".join(ref.split("/")[:2])] += 1
            continue
        try:
            git_refs.check_name(ref.removeprefix(BRANCH).removeprefix(TAG))
        except InvalidRef:
            refused.append(ref)
        else:
            wanted[ref] = oid
    if not any(ref.startswith(BRANCH) for ref in wanted):
        raise SourceWrong("It has no branch.")
    notes = {}
    if others:
        notes[ImportNote.LEFT_OUT] = ", ".join(f"{name}/… ({count})" for name, count in others.items())
    if refused:
        notes[ImportNote.BAD_NAME] = ", ".join(refused[:_SHOWN])
    return wanted, notes


def _default(seen: Seen, wanted: dict[str, str]) -> str:
    for ref in (seen.head, f"{BRANCH}main", f"{BRANCH}master", next(iter(wanted))):
        if ref.startswith(BRANCH) and ref in wanted:
            return ref.removeprefix(BRANCH)
    raise SourceWrong("It has no branch.")


@transaction.atomic
def _start(turn: Turn) -> None:
    locked = turn.mine()
    move(locked, ImportState.COPYING)
    locked.bytes_total = locked.files_total = locked.bytes_done = locked.files_done = 0
    locked.save()


def _receive(turn: Turn, remote: Remote, wanted: dict[str, str], stage: Path, base: Path | None) -> None:
    """What leads to the wanted refs and is neither here nor in the stage."""
    incoming.prepare(stage)
    known = incoming.tips(stage) | set(incoming.targets(open_repository(base)).values() if base else ())
    lacking = sorted(set(wanted.values()) - known)
    if not lacking:
        return
    try:
        with remote.pack(lacking, sorted(known)) as blocks:
            incoming.take_pack(stage, blocks, lacking, base=base, limit=MAX_PACK, seconds=PACK_SECONDS, tick=turn.tell)
    except GitError as error:
        raise SourceWrong(str(error)) from error
    turn.note(tries=1)


def _plan(
    found: Import, wanted: dict[str, str], default: str, stage: Path, base: Path | None, notes: dict[ImportNote, str]
) -> Plan:
    """Raises Halted when a branch or tag was changed on both sides."""
    here = incoming.targets(open_repository(base)) if base else {}
    seen = incoming.as_push(stage, base, [])
    ancestry = partial(incoming.is_ancestor, seen.repository)
    steps = following.steps(wanted, found.refs, here, default=BRANCH + default, is_ancestor=ancestry)
    diverged = [step.ref for step in steps if step.how == RefChange.DIVERGED]
    if diverged:
        Import.objects.filter(pk=found.pk, turn=found.turn).update(diverged=diverged)
        detail = ", ".join(ref.removeprefix(BRANCH) for ref in diverged)
        raise Halted(ImportReason.DIVERGED, detail, state=ImportState.PAUSED)
    if not found.source_commit:  # what stands there is the commit that the copy was made with
        steps = [replace(step, how=RefChange.NEW) if step.how == RefChange.FORCED else step for step in steps]
    return Plan(wanted, default, steps, incoming.as_push(stage, base, _updates(steps)), notes)


def _updates(steps: Iterable[Step]) -> list[RefUpdate]:
    return [RefUpdate(step.ref, step.before, step.after) for step in steps if step.moves]


def _check(turn: Turn, plan: Plan) -> None:
    """What pushes must pass. Raises Halted."""
    place = turn.place()
    try:
        for move_ in plan.moves:
            if move_.after and git_pushes.commit_of(plan.push.repository, move_.after) is None:
                raise PushRefused(f"{move_.ref} leads to no commit.")
        git_pushes.check_sizes(plan.push)
        git_pushes.check_paths(plan.push)
        turn.note()
        secrets = pushes.check_secrets(place, plan.push)
    except PushRefused as refused:
        raise Halted(ImportReason.REFUSED, str(refused)) from refused
    except GitError as error:
        raise SourceWrong(str(error)) from error
    cards = pushes.words_about_cards(place, plan.push)
    if secrets:
        plan.notes[ImportNote.SECRETS] = secrets
    if cards:
        plan.notes[ImportNote.CARD] = "; ".join(line.removeprefix("warning: ") for line in cards.splitlines())
    plan.pointers = {pointer.sha256: pointer for pointer in git_pushes.new_pointers(plan.push)}
    turn.note()


@transaction.atomic
def _prepare(turn: Turn, plan: Plan) -> tuple[Repository, list[Pointer]]:
    """The copy, made now if it is not there, and the large objects to fetch; refused before any of them comes."""
    is_new = turn.found.repository is None
    repository = turn.make_place(default_branch=plan.default)
    held = held_objects(turn.by, repository, plan.pointers)
    missing = [pointer for digest, pointer in sorted(plan.pointers.items()) if digest not in held]
    total = sum(pointer.size for pointer in missing)
    quotas.require_room(
        repository, total + git_pushes.added_bytes(plan.push), files=[pointer.size for pointer in missing]
    )
    locked = turn.mine()
    if is_new:
        head = revision_of(repository, plan.default).commit
        locked.repository, locked.refs = repository, {BRANCH + plan.default: head}
        plan.start_from(head)
    locked.bytes_total, locked.files_total = total, len(missing)
    locked.bytes_done = locked.files_done = turn.done = 0
    locked.save()
    return repository, missing


def _fetch(turn: Turn, remote: Remote, repository: Repository, missing: list[Pointer]) -> list[str]:
    """Every large object; gives the names of those that the source has no more."""
    absent = []
    for group in _groups(missing):
        links = remote.links(group)
        for pointer in group:
            if pointer.sha256 in links:
                read = _Reader(remote, pointer, links[pointer.sha256], stage_of(turn.found))
                turn.fetch(repository, pointer.sha256[:12], pointer.sha256, pointer.size, read)
            else:
                absent.append(pointer.sha256)
    return absent


class _Reader:
    """Parts of one object. Links end, so each part after the first has one of its own."""

    def __init__(self, remote: Remote, pointer: Pointer, link: Link, stage: Path) -> None:
        self.remote, self.pointer, self.link, self.stage = remote, pointer, [link], stage

    def __call__(self, begin: int, length: int, take: Callable[[Answer], None]) -> None:
        incoming.touch(self.stage)
        link = self.link.pop() if self.link else self.remote.links([self.pointer]).get(self.pointer.sha256)
        if link is None:
            raise DownloadFailed("The source has a large file no more that it had a moment ago.")
        self.remote.part(self.pointer, link, begin, length, take)


def _groups(pointers: Iterable[Pointer]) -> Iterator[list[Pointer]]:
    """Objects whose links are asked for together: few enough that no link ends before its turn."""
    group: list[Pointer] = []
    for pointer in pointers:
        is_full = len(group) == _LINKS_AT_ONCE or sum(one.size for one in group) + pointer.size > settings.LFS_PART_SIZE
        if group and is_full:
            yield group
            group = []
        group.append(pointer)
    if group:
        yield group


def _tell_absent(plan: Plan, absent: list[str]) -> None:
    """Old commits may name what nobody has any more; the default branch may not. Raises SourceWrong."""
    if not absent:
        return
    entries = reading.iter_tree(plan.push.repository, plan.wanted[BRANCH + plan.default])
    lost = [entry.path for entry in entries if entry.pointer is not None and entry.pointer.sha256 in absent]
    if lost:
        raise SourceWrong(f"The content of {lost[0]} is not there.")
    plan.notes[ImportNote.MISSING] = f"{len(absent)}: " + ", ".join(digest[:12] for digest in absent[:_SHOWN])


def _announce(turn: Turn, plan: Plan) -> None:
    """Written before any ref moves, so that nothing of the source is taken for work that was done here."""
    repo = plan.push.repository
    commits = {git_pushes.commit_of(repo, step.after) for step in plan.moves if step.after}
    changes = {s.ref: {"ref": s.ref, "how": s.how.value, "before": s.before, "after": s.after} for s in plan.steps}
    for lost in turn.found.runs.filter(ended_at=None):  # what a worker moved before it was lost
        commits |= set(lost.commits)
        changes = {one["ref"]: one for one in lost.changes if one["after"] == plan.wanted.get(one["ref"])} | changes
    ImportRun.objects.create(
        imported=turn.found,
        turn=turn.found.turn,
        changes=[changes[ref] for ref in sorted(changes)],
        notes=[{"code": code.value, "detail": detail} for code, detail in plan.notes.items()],
        commits=sorted(filter(None, commits)),
    )


@transaction.atomic
def _bring(turn: Turn, repository: Repository, plan: Plan, stage: Path) -> None:
    """Objects, then refs, then the index. A crash in between leaves refs of the source, which the next turn knows."""
    share_history(repository)
    locked = turn.mine()
    quotas.take_git(repository, git_pushes.added_bytes(plan.push))
    holdings.hold(repository, held_objects(turn.by, repository, plan.pointers).values())
    for step in plan.moves:
        lock_branch(repository, step.ref)
    incoming.adopt(stage, repository.path)
    _move(repository, plan)
    index.name_objects(repository, set(plan.pointers))
    for ref in sorted({step.ref for step in plan.moves} | _behind(repository, plan)):
        if ref.startswith(TAG):
            step = next(one for one in plan.moves if one.ref == ref)
            refs.tell(repository, ref, turn.by, before=step.before, new=step.after)
        else:
            index.follow(repository, ref, by=turn.by, is_own_work=False)
    _settle(locked, plan)


def _move(repository: Repository, plan: Plan) -> None:
    """Deletions first, for a branch `a` makes room for `a/b`. Raises BranchMoved, Halted."""
    repo = open_repository(repository.path)
    updates = plan.push.updates
    try:
        for some in ([one for one in updates if one.new is None], [one for one in updates if one.new]):
            if some:
                git_refs.update(repo, some)
    except RefMoved as error:
        raise BranchMoved from error
    except GitError as error:
        raise Halted(ImportReason.REFUSED, str(error)) from error


def _behind(repository: Repository, plan: Plan) -> set[str]:
    """Branches of the source that the index does not follow yet: moved now, or by a worker that was lost."""
    here = incoming.targets(open_repository(repository.path))
    known = dict(repository.branches.values_list("ref", "head"))
    return {ref for ref in plan.wanted if ref.startswith(BRANCH) and ref in here and known.get(ref) != here[ref]}


def _settle(locked: Import, plan: Plan) -> None:
    commit = plan.wanted.get(BRANCH + plan.default, locked.source_commit)
    run = ImportRun.objects.get(imported=locked, turn=locked.turn)
    run.ended_at, run.files, run.bytes = timezone.now(), locked.files_total, locked.bytes_total
    run.save()
    locked.runs.filter(ended_at=None).delete()
    locked.refs, locked.diverged, locked.copied_at = plan.wanted, [], run.ended_at
    locked.source_commit = locked.local_commit = commit
    locked.files_done, locked.bytes_done = locked.files_total, locked.bytes_total
    end(locked, ImportState.DONE)
    audit.record("import.done", str(locked), source=locked.source_url, commit=commit, changes=len(plan.steps))
