"""What a repository is cited as."""

from typing import Any

from django.conf import settings

from accounts.principal import Principal
from hub.algorithms import citations
from hub.algorithms.citations import Author, Work
from hub.enums import CreditState, RepositoryKind
from hub.models import Credit, Repository
from hub.selectors.access import has_contents
from hub.selectors.credits import credits_of
from hub.selectors.lineage import latest_version, original_of
from hub.selectors.reports import blocks_of
from hub.selectors.revisions import Revision, entries_named, read_text

_MEDIA = {RepositoryKind.DATASET: "Data set", RepositoryKind.SPACE: "Space", RepositoryKind.KERNEL: "Kernel"}
_LIMIT = 256 * 1024


def work_of(principal: Principal, revision: Revision) -> Work:
    """By its CITATION.cff, for those who have the contents; else by its credits in their order, version and commit."""
    repository = revision.repository
    version = latest_version(repository)
    named = list(credits_of(original_of(version))) if version else []
    authors = tuple(_author(credit) for credit in named if credit.state == CreditState.ACCEPTED)
    known = Work(
        title=repository.name,
        authors=authors or (Author(repository.namespace.name),),
        year=f"{repository.updated_at:%Y}",
        date=f"{repository.updated_at:%Y-%m-%d}",
        url=f"{settings.BASE_URL}{repository.get_absolute_url()}",
        version=str(version.number) if version else "",
        commit=revision.commit,
        medium=_MEDIA.get(RepositoryKind(repository.kind), "Model"),
        key=repository.full_name.replace("/", ":"),
    )
    text = _own_words(principal, revision)
    return citations.of_cff(text, known) or known if text else known


def schema_facts(repository: Repository) -> dict[str, Any]:
    """What schema.org calls the facts of a card."""
    return {
        "license": repository.license,
        "keywords": list(repository.tags[:50]),
        "dateCreated": repository.created_at.isoformat(),
        "dateModified": repository.updated_at.isoformat(),
        "isAccessibleForFree": not repository.is_gated,
        "publisher": {"@type": "Organization", "name": "Wellspring", "url": settings.BASE_URL},
    }


def _own_words(principal: Principal, revision: Revision) -> str:
    """CITATION.cff, for those who have the contents and unless a report took it away."""
    file = next(iter(entries_named(revision, [citations.FILE])), None)
    if file is None or not has_contents(principal, revision.repository):
        return ""
    if blocks_of(revision.repository, [file.etag]):
        return ""
    return read_text(revision, citations.FILE, limit=_LIMIT) or ""


def _author(credit: Credit) -> Author:
    user = credit.user
    return Author(user.get_full_name() or user.username, orcid=user.orcid if user.orcid_verified_at else "")
