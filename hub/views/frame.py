"""What all pages of one repository share."""

from typing import Any

from django.http import HttpRequest

from hub import rules
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors.access import gate_of, has_contents
from hub.selectors.credits import credits_of, mentions_of
from hub.selectors.imports import import_of
from hub.selectors.lineage import latest_version, original_of
from hub.selectors.repositories import repository_for
from hub.selectors.revisions import Revision, revision_of
from hub.selectors.social import likes

KINDS = {
    "": RepositoryKind.MODEL,
    "datasets": RepositoryKind.DATASET,
    "spaces": RepositoryKind.SPACE,
    "kernels": RepositoryKind.KERNEL,
}


def find(request: HttpRequest, prefix: str, namespace: str, name: str, *, even_disabled: bool = False) -> Repository:
    return repository_for(request.principal, KINDS[prefix], f"{namespace}/{name}", even_disabled=even_disabled)


def context_of(request: HttpRequest, repository: Repository, tab: str, **more: Any) -> dict[str, Any]:
    """The head of the page: name, tabs, rights, latest version."""
    version = latest_version(repository)
    original = original_of(version) if version else None
    principal = request.principal
    return {
        "repository": repository,
        "tab": tab,
        "version": version,
        "credits": list(credits_of(original)) if original else [],
        "mentions": list(mentions_of(original)) if original else [],
        "likes_it": likes(principal, repository),
        "may_write": rules.may_write(principal, repository),
        "may_administer": rules.may_administer(principal, repository),
        "is_closed": not has_contents(principal, repository),
        "may_decide": repository.is_gated and rules.may_decide(principal, repository, gate_of(repository)),
        "source": _source(request, repository),
        "imported": import_of(repository),
    } | more


def _source(request: HttpRequest, repository: Repository) -> Repository | None:
    """What it was duplicated from, for those who see that."""
    source = repository.copied_from
    return source if source is not None and rules.may_read(request.principal, source) else None


def default_revision(repository: Repository) -> Revision:
    return revision_of(repository, repository.default_branch)
