"""Pushes: what git received is checked before any ref moves, and indexed like any other commit."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Refusal
from common.services import audit
from hub import rules
from hub.git import pushes
from hub.git.errors import PushRefused
from hub.git.refs import PULL_REQUEST, TAG, RefUpdate
from hub.git.smart_http import Push
from hub.models import Repository
from hub.selectors.objects import held_objects
from hub.services import index, objects, proposals, refs


def check(repository: Repository, push: Push, *, by: Principal) -> None:
    """Raises PushRefused, whose text git shows to the person who pushes."""
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
    objects.share(repository, held.values())


@transaction.atomic
def settle(repository: Repository, moves: Iterable[RefUpdate], *, by: Principal) -> None:
    """The refs have moved: bring the index along. A crash before this is healed by the next reader."""
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
