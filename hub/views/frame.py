"""What all pages of one repository share."""

from typing import Any

from django.http import HttpRequest

from hub import rules
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors.lineage import credits_of, latest_version
from hub.selectors.repositories import repository_for
from hub.selectors.revisions import Revision, revision_of
from hub.selectors.social import likes

KINDS = {
    "": RepositoryKind.MODEL,
    "datasets": RepositoryKind.DATASET,
    "spaces": RepositoryKind.SPACE,
    "kernels": RepositoryKind.KERNEL,
}


def find(request: HttpRequest, prefix: str, namespace: str, name: str) -> Repository:
    return repository_for(request.principal, KINDS[prefix], f"{namespace}/{name}")


def context_of(request: HttpRequest, repository: Repository, tab: str, **more: Any) -> dict[str, Any]:
    """The head of the page: name, tabs, rights, latest version."""
    version = latest_version(repository)
    return {
        "repository": repository,
        "tab": tab,
        "version": version,
        "credits": list(credits_of(version)) if version else [],
        "likes_it": likes(request.principal, repository),
        "may_write": rules.may_write(request.principal, repository),
        "may_administer": rules.may_administer(request.principal, repository),
    } | more


def default_revision(repository: Repository) -> Revision:
    return revision_of(repository, repository.default_branch)
