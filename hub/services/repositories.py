"""The life of a repository: created, moved, opened or closed, deleted."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from accounts.services import references
from common import objections
from common.errors import Conflict, Forbidden, Invalid
from common.ids import hex_id
from common.services import audit, outbox
from hub import rules
from hub.algorithms import initial_files
from hub.enums import GateMode, RepositoryKind, Visibility
from hub.errors import RepositoryDisabled
from hub.git import repositories as git
from hub.models import OldName, Repository, TreeEntry
from hub.models.repositories import valid_repository_name
from hub.selectors.imports import must_stay_private
from hub.selectors.repositories import repository_named
from hub.services import holdings, quotas, search, tombstones
from hub.services.commits import AddBytes, commit
from hub.services.locks import lock_history, lock_name, lock_storage


class RepositoryExists(Conflict):
    """The name is taken; `repository` is who has it."""

    code = "already_exists"

    def __init__(self, repository: Repository) -> None:
        super().__init__(
            _("You already created this %(kind)s repo: %(name)s")
            % {
                "kind": repository.kind,
                "name": repository.full_name,
            },
            hint=_("Choose another name, or use the repository that is there."),
        )
        self.repository = repository


@transaction.atomic
def create_repository(
    namespace: Namespace,
    name: str,
    *,
    kind: RepositoryKind | str,
    by: Principal,
    visibility: Visibility | str | None = None,
    sdk: str = "static",
    default_branch: str = "main",
) -> Repository:
    """A new repository with its first commit (.gitattributes; spaces also a card).

    Without a visibility it is as private as its owner makes new repositories.
    Raises Forbidden, Invalid, RepositoryExists. Emits repository.created.
    """
    claim_name(namespace, name, kind=kind, by=by)
    visibility = default_visibility(namespace) if visibility is None else visibility
    if visibility not in Visibility.values:
        raise Invalid(_("The visibility must be public or private."))
    repository = Repository.objects.create(
        namespace=namespace,
        name=name,
        kind=kind,
        visibility=visibility,
        created_by=by.user,
        default_branch=default_branch,
    )
    created = {"repository": repository.pk, "actor": _actor(by)}
    outbox.emit("repository.created", f"repository.created:{repository.pk}", created)
    git.delete(repository.path)
    git.create(repository.path, default_branch=repository.default_branch)
    files = [AddBytes(".gitattributes", initial_files.gitattributes(kind))]
    if kind == RepositoryKind.SPACE:
        files.append(AddBytes("README.md", initial_files.space_readme(name, sdk)))
    commit(repository, files, by=by, message="initial commit", branch=default_branch)
    audit.record("repository.created", str(repository), actor=by, visibility=str(visibility))
    return repository


def claim_name(namespace: Namespace, name: str, *, kind: RepositoryKind | str, by: Principal) -> None:
    """Hold the right to give this name to a new repository, until the end of the transaction.

    Raises Forbidden, Invalid, RepositoryExists.
    """
    if not rules.may_create(by, namespace):
        raise Forbidden(
            _("You don't have the rights to create a %(kind)s under the namespace %(name)s.")
            % {"kind": kind, "name": namespace.name},
            hint=_("Use your own name, or ask an administrator of the organisation for write access."),
        )
    check_name(name)
    if kind not in RepositoryKind.values:
        raise Invalid(_("Unknown kind of repository."))
    full_name = f"{namespace.name}/{name}"
    lock_name(kind, full_name)
    taken = repository_named(kind, full_name)
    if taken is not None:
        raise RepositoryExists(taken)
    quotas.require_place(namespace)
    OldName.objects.filter(kind=kind, full_name__iexact=full_name).delete()


def default_visibility(namespace: Namespace) -> Visibility:
    """What new repositories of this name are when nobody says."""
    organisation = namespace.organisation
    is_private = organisation is not None and organisation.is_private_by_default
    return Visibility.PRIVATE if is_private else Visibility.PUBLIC


@transaction.atomic
def update_settings(
    repository: Repository,
    *,
    by: Principal,
    visibility: Visibility | str | None = None,
    gated: GateMode | str | None = None,
    has_discussions: bool | None = None,
) -> Repository:
    """Change what is given: who sees it, who gets its contents, whether there are discussions.

    Raises Forbidden, Invalid.
    """
    quotas.lock_home(repository)
    repository = _locked(repository)
    _require_administrator(by, repository)
    _require_enabled(repository)
    if visibility is not None and visibility not in Visibility.values:
        raise Invalid(_("The visibility must be public or private."))
    if gated is not None and gated not in GateMode.values:
        raise Invalid(_("Access must be open, auto or manual."))
    if visibility == Visibility.PUBLIC and must_stay_private(repository):
        raise Forbidden(_("It was imported from a source that is closed to the public, so it stays private."))
    if visibility == Visibility.PRIVATE and not repository.is_private:
        objections.ask("repository.hide", repository=repository)
    if visibility is not None:
        quotas.require_move(repository, repository.namespace, visibility)
    wanted = {"visibility": visibility, "gated": gated, "has_discussions": has_discussions}
    changes = {name: value for name, value in wanted.items() if value is not None}
    before = {name: getattr(repository, name) for name in changes}
    for name, value in changes.items():
        setattr(repository, name, value)
    repository.save(update_fields=list(changes))
    if visibility is not None:
        _follow_visibility(repository)
    audit.record("repository.settings", str(repository), actor=by, before=before, after=changes)
    if before.get("visibility", repository.visibility) != repository.visibility:
        _tell("repository.settings", repository, by, changed={"private": repository.is_private})
    return repository


@transaction.atomic
def move(repository: Repository, namespace: Namespace, name: str, *, by: Principal) -> Repository:
    """Give a repository another name or owner; the old name redirects until somebody takes it."""
    lock_storage(repository.namespace_id, namespace.pk)
    repository = _locked(repository)
    _require_administrator(by, repository)
    _require_enabled(repository)
    if not rules.may_create(by, namespace):
        raise Forbidden(_("You may not create repositories under %(name)s.") % {"name": namespace.name})
    check_name(name)
    old_name, new_name = repository.full_name, f"{namespace.name}/{name}"
    for word in sorted({old_name.lower(), new_name.lower()}):
        lock_name(repository.kind, word)
    taken = repository_named(repository.kind, new_name)
    if taken is not None and taken.pk != repository.pk:
        message = f"A {repository.kind} repository called {new_name} already exists"
        raise Conflict(message, hint=_("Choose another name."))
    quotas.require_move(repository, namespace, repository.visibility)
    OldName.objects.filter(kind=repository.kind, full_name__iexact=new_name).delete()
    repository.namespace, repository.name = namespace, name
    repository.save(update_fields=["namespace", "name"])
    search.write_document(repository)
    if old_name.lower() != new_name.lower():
        OldName.objects.create(repository=repository, kind=repository.kind, full_name=old_name)
    references.moved(f"{repository.kind}:{old_name}", repository.reference)
    audit.record("repository.moved", str(repository), actor=by, before=old_name)
    if old_name != new_name:
        _tell("repository.moved", repository, by, before=old_name, after=new_name)
    return repository


@transaction.atomic
def delete(repository: Repository, *, by: Principal) -> None:
    """Delete a repository with its history. Objects stay until nobody holds them.

    A tombstone stays at the address if others refer to it (hub/services/tombstones.py).

    Emits repository.deleted with what is left to know.
    """
    lock_history(repository)
    quotas.lock_home(repository)
    repository = _locked(repository)
    _require_administrator(by, repository)
    objections.ask("repository.delete", repository=repository)
    gone: dict[str, Any] = {
        "repository": repository.pk,
        "full_name": repository.full_name,
        "kind": repository.kind,
        "namespace": repository.namespace_id,
        "private": repository.is_private,
        "head": repository.head,
        "tags": repository.tags,
        "actor": _actor(by),
    }
    path = repository.path
    tombstones.set_up(repository)
    holdings.release_all(repository)
    TreeEntry.objects.filter(branch__repository=repository).delete()
    repository.commits.all().delete()
    repository.delete()
    references.gone(f"{gone['kind']}:{gone['full_name']}")
    search.drop_tags(gone["kind"], repository.tags)
    audit.record("repository.deleted", f"{gone['kind']}:{gone['full_name']}", actor=by)
    outbox.emit("repository.deleted", f"repository.deleted:{gone['repository']}", gone)
    # Git goes last: a crash before it leaves a folder that nothing names.
    transaction.on_commit(lambda: git.delete(path))


def _tell(topic: str, repository: Repository, by: Principal, **facts: Any) -> None:
    """What can happen more than once carries a number of its own."""
    event = f"{topic}:{hex_id()}"
    outbox.emit(topic, event, {"event": event, "repository": repository.pk, "actor": _actor(by)} | facts)


def _actor(by: Principal) -> int | None:
    return by.user.pk if by.user is not None else None


def _locked(repository: Repository) -> Repository:
    return Repository.objects.select_for_update(of=("self",)).select_related("namespace").get(pk=repository.pk)


def _follow_visibility(repository: Repository) -> None:
    """What is hidden offers no tags, what is public does."""
    if repository.is_private:
        search.drop_tags(repository.kind, repository.tags)
    else:
        search.keep_tags(repository)


def _require_administrator(by: Principal, repository: Repository) -> None:
    if not rules.may_administer(by, repository):
        raise Forbidden(
            _("You may not change the settings of this repository."),
            hint=_("Only an administrator of its owner may delete, move or hide it."),
        )


def _require_enabled(repository: Repository) -> None:
    if repository.is_disabled:
        raise RepositoryDisabled


def check_name(name: str) -> None:
    """Raises Invalid for what cannot name a repository."""
    try:
        valid_repository_name(name)
    except ValidationError as error:
        raise Invalid(error.messages[0], code="bad_name") from error
