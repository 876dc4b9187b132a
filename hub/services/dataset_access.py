"""Who may look into a data set: every page and address that shows content comes through here."""

from accounts.principal import Principal
from hub.enums import RepositoryKind
from hub.models import DatasetView, Repository
from hub.selectors.access import require_contents
from hub.selectors.repositories import repository_for
from hub.selectors.revisions import Revision, revision_of
from hub.services.dataset_views import request_view


def dataset_for(principal: Principal, full_name: str) -> Repository:
    """Raises RepositoryNotFound, RepositoryMoved, GatedRepository."""
    found = repository_for(principal, RepositoryKind.DATASET, full_name)
    require_contents(principal, found)
    return found


def view_for(repository: Repository, name: str = "") -> tuple[Revision, DatasetView]:
    """A revision (by default the newest) and its view, asked for if need be. Raises RevisionNotFound."""
    revision = revision_of(repository, name or repository.default_branch)
    return revision, request_view(repository, revision.commit)
