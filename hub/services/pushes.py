"""Pushes: what git received is checked before any ref moves, and indexed like any other commit."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Refusal
from common.services import audit
from hub import rules
from hub.algorithms import cards
from hub.algorithms.secrets import MAX_FILE, find
from hub.git import pushes, reading, smart_http
from hub.git.errors import GitError, PushRefused
from hub.git.refs import PULL_REQUEST, TAG, RefUpdate
from hub.git.repositories import open_repository
from hub.git.smart_http import Push, Readable
from hub.models import Repository
from hub.selectors.objects import held_objects
from hub.services import histories, holdings, index, proposals, quotas, refs, secrets
from hub.services.locks import sharing_history


def receive(repository: Repository, body: Readable, *, by: Principal, protocol: str = "") -> Iterator[bytes]:
    """The body of the answer to a push: checked, moved, indexed; then what no ref reaches any more is let go."""
    named: set[str] = set()
    with ExitStack() as held:

        def on_check(push: Push) -> str:
            # Outside of any transaction: a token that was revoked stays so although the push is refused.
            warning = check_secrets(repository, push)
            # From the check to the index nobody takes commits away on which the push builds.
            held.enter_context(sharing_history(repository))
            named.update(check(repository, push, by=by))
            return "\n".join(filter(None, [warning, words_about_cards(repository, push)]))

        def on_settled(moves: list[RefUpdate]) -> None:
            settle(repository, moves, by=by, named=named)
            held.close()
            if any(_loses(repository, move) for move in moves):
                histories.release_unreachable(repository)

        yield from smart_http.receive_pack(repository.path, body, check=on_check, settled=on_settled, protocol=protocol)


def check(repository: Repository, push: Push, *, by: Principal) -> set[str]:
    """The large objects that the push names, by sha256; the repository holds them now.

    Raises PushRefused, whose text git shows to the person who pushes.
    """
    if not rules.may_write(by, repository):
        raise PushRefused(_("You may not write to this repository."))
    pushes.check_refs(push)
    pushes.check_sizes(push)
    for move in push.updates:
        if move.ref.startswith(PULL_REQUEST):
            _check_pull_request(repository, move.ref, by)
    pushes.check_paths(push)
    pointers = pushes.new_pointers(push)
    held = held_objects(by, repository, (pointer.sha256 for pointer in pointers))
    missing = [pointer for pointer in pointers if pointer.sha256 not in held]
    if missing:
        listed = ", ".join(pointer.sha256[:12] for pointer in missing[:5])
        raise PushRefused(
            _("%(count)s large files were not uploaded (%(listed)s). Run: git lfs push --all origin")
            % {"count": len(missing), "listed": listed}
        )
    try:
        with transaction.atomic():
            quotas.take_git(repository, pushes.added_bytes(push))
            holdings.hold(repository, held.values())
    except Refusal as refusal:
        raise PushRefused(str(refusal)) from refusal
    return set(held)


def check_secrets(repository: Repository, push: Push) -> str:
    """What to tell the one who pushes about credentials in private. In public they are refused: PushRefused."""
    texts = pushes.new_texts(push, max_size=MAX_FILE)
    found = [secret for name, data in texts for secret in find(name, data)]
    if not found:
        return ""
    try:
        secrets.refuse_public(repository, found, message="\n".join(pushes.new_messages(push)))
    except secrets.SecretsRefused as refusal:
        raise PushRefused(str(refusal)) from refusal
    return secrets.words_for(found)


def words_about_cards(repository: Repository, push: Push) -> str:
    """What is wrong with pushed cards. History that is pushed cannot be asked to be different, so it is let in."""
    lines = []
    for move in push.updates:
        commit = pushes.commit_of(push.repository, move.new) if move.new else None
        if commit is None or not move.ref.startswith(index.INDEXED):
            continue
        try:
            card = reading.read_file(push.repository, commit, cards.FILE, limit=cards.MAX_FILE)
        except GitError:
            continue
        errors, _warnings = cards.faults(card.decode("utf-8", "replace"), repository.kind)
        lines += [f"warning: README.md: {' '.join(error.split())}" for error in errors]
    return "\n".join(dict.fromkeys(lines))


@transaction.atomic
def settle(repository: Repository, moves: Iterable[RefUpdate], *, by: Principal, named: Collection[str] = ()) -> None:
    """The refs have moved: bring the index along. A crash before this is healed by the next reader."""
    index.name_objects(repository, named)
    for move in moves:
        if move.ref.startswith(index.INDEXED):
            pull_request = proposals.pull_request_of(repository, move.ref)
            index.follow(repository, move.ref, by=by)
            if pull_request is not None and move.new is not None:
                proposals.note_commits(pull_request, move.old, move.new, by=by)
        elif move.ref.startswith(TAG):
            refs.tell(repository, move.ref, by, before=move.old, new=move.new)
        audit.record("repository.pushed", str(repository), actor=by, ref=move.ref, before=move.old, commit=move.new)


@transaction.atomic
def _check_pull_request(repository: Repository, ref: str, by: Principal) -> None:
    try:
        proposals.open_for(repository, ref, by=by)
    except Refusal as refusal:
        raise PushRefused(str(refusal)) from refusal


def _loses(repository: Repository, move: RefUpdate) -> bool:
    """Whether commits that a ref reached are reached by it no more."""
    if move.old is None:
        return False
    repo = open_repository(repository.path)
    before = pushes.commit_of(repo, move.old)
    after = pushes.commit_of(repo, move.new) if move.new else None
    return before is not None and (after is None or not reading.is_ancestor(repo, before, after))
