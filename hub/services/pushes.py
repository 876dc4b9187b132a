"""Pushes: what git received is checked before any ref moves, and indexed like any other commit."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.services import audit
from hub import rules
from hub.git import pushes
from hub.git.errors import PushRefused
from hub.git.refs import RefUpdate
from hub.git.smart_http import Push
from hub.models import Repository, RepositoryObject
from hub.selectors.objects import held_object
from hub.services import index


def check(repository: Repository, push: Push, *, by: Principal) -> None:
    """Raises PushRefused, whose text git shows to the person who pushes."""
    if not rules.may_write(by, repository):
        raise PushRefused(_("You may not write to this repository."))
    pushes.check_refs(push)
    pushes.check_paths(push)
    missing = [pointer for pointer in pushes.new_pointers(push) if not _hold(repository, pointer.sha256, by)]
    if missing:
        listed = ", ".join(pointer.sha256[:12] for pointer in missing[:5])
        raise PushRefused(
            _("%(count)s large files were not uploaded (%(listed)s). Run: git lfs push --all origin")
            % {"count": len(missing), "listed": listed}
        )


@transaction.atomic
def settle(repository: Repository, moves: Iterable[RefUpdate], *, by: Principal) -> None:
    """The refs have moved: bring the index along. A crash before this is healed by the next reader."""
    for move in moves:
        if move.ref.startswith(index.INDEXED):
            index.follow(repository, move.ref, by=by)
        audit.record("repository.pushed", str(repository), actor=by, ref=move.ref, before=move.old, commit=move.new)


def _hold(repository: Repository, sha256: str, by: Principal) -> bool:
    found = held_object(by, repository, sha256)
    if found is None:
        return False
    RepositoryObject.objects.get_or_create(repository=repository, object=found)
    return True
