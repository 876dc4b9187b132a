"""Copies of whole repositories, made inside this site."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Forbidden, Invalid
from common.services import audit, outbox
from hub.enums import Visibility
from hub.git import repositories as git
from hub.git.repositories import open_repository
from hub.models import Gate, Repository, RepositoryObject, Terms
from hub.selectors.access import gate_of, require_contents, terms_of
from hub.selectors.imports import must_stay_private
from hub.selectors.reports import require_whole
from hub.services import holdings, index, quotas
from hub.services.repositories import claim_name, default_visibility


@transaction.atomic
def duplicate(
    source: Repository, namespace: Namespace, name: str, *, by: Principal, visibility: Visibility | str | None = None
) -> Repository:
    """A new repository with the branches, tags and full history of another one; large objects are shared.

    Its versions name the source and credit nobody for what came from there (see
    hub/services/versions.py). Without a visibility it is private if the source is, or if its
    owner makes new repositories so. A gate is copied with what it asks. The caller has checked
    that the person sees the source. Raises GatedRepository, ContentRemoved, Forbidden, Invalid, RepositoryExists.
    """
    rows = Repository.objects.select_for_update(of=("self",), no_key=True).select_related("namespace")
    source = rows.get(pk=source.pk)
    require_contents(by, source)
    require_whole(by, source)
    if must_stay_private(source):
        raise Forbidden(_("It was imported from a source that is closed to the public, so it is not duplicated."))
    claim_name(namespace, name, kind=source.kind, by=by)
    visibility = visibility or _visibility(source, namespace)
    if visibility not in Visibility.values:
        raise Invalid(_("The visibility must be public or private."))
    copy = Repository.objects.create(
        namespace=namespace,
        name=name,
        kind=source.kind,
        visibility=visibility,
        gated=source.gated,
        default_branch=source.default_branch,
        created_by=by.user,
        copied_from=source,
        copied_from_name=source.full_name,
    )
    git.delete(copy.path)
    git.duplicate(source.path, copy.path)
    # Objects first: following the branches counts the room that they take.
    _share_objects(source, copy)
    _copy_gate(source, copy, by)
    _follow(copy, by)
    facts = {"repository": copy.pk, "source": source.pk}
    audit.record("repository.duplicated", str(copy), actor=by, source=str(source), commit=copy.copied_commit)
    outbox.emit("repository.created", f"repository.created:{copy.pk}", {"repository": copy.pk})
    outbox.emit("repository.duplicated", f"repository.duplicated:{copy.pk}", facts)
    return copy


def _visibility(source: Repository, namespace: Namespace) -> Visibility:
    return Visibility.PRIVATE if source.is_private else default_visibility(namespace)


def _share_objects(source: Repository, copy: Repository) -> None:
    """All that a commit of the source names: old revisions of the copy need more than its heads."""
    committed = RepositoryObject.objects.filter(repository=source, committed_at__isnull=False)
    holdings.hold(copy, [row.object for row in committed.select_related("object").iterator()])
    RepositoryObject.objects.filter(repository=copy).update(committed_at=timezone.now())
    quotas.take_git(copy, source.git_size)


def _copy_gate(source: Repository, copy: Repository, by: Principal) -> None:
    """What was closed must not open by being copied; whom the new owner lets in is theirs to say."""
    gate = gate_of(source)
    if gate.pk is not None:
        facts = {
            field.name: getattr(gate, field.name)
            for field in Gate._meta.concrete_fields  # noqa: SLF001 - Django's own list of fields
            if field.name not in {"id", "repository"}
        }
        Gate.objects.create(repository=copy, **facts)
    terms = terms_of(source)
    if terms is not None:
        Terms.objects.create(repository=copy, version=1, text=terms.text, sha256=terms.sha256, written_by=by.user)


def _follow(copy: Repository, by: Principal) -> None:
    """Write the rows of every branch; the commit of the default branch is what was copied."""
    for ref in sorted(open_repository(copy.path).references):
        if ref.startswith(index.INDEXED):
            index.follow(copy, ref, by=by)
    copy.refresh_from_db()
    copy.copied_commit = copy.head
    copy.save(update_fields=["copied_commit"])
