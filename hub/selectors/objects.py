"""Which large objects a person may read or need not upload again."""

from accounts.principal import Principal
from accounts.rules import may_write_namespace
from hub.models import LargeObject, Repository, RepositoryObject
from hub.selectors.repositories import repositories_visible_to


def readable_object(principal: Principal, repository: Repository, sha256: str) -> LargeObject | None:
    """An object of this repository: committed, or for writers also just uploaded.

    The caller has checked that the principal may read the repository.
    """
    held = RepositoryObject.objects.select_related("object").filter(repository=repository, object_id=sha256).first()
    if held is None or (held.committed_at is None and not may_write_namespace(principal, repository.namespace)):
        return None
    return held.object


def held_object(principal: Principal, repository: Repository, sha256: str) -> LargeObject | None:
    """An object that needs no upload: this repository holds it, or one that the principal may read."""
    here = RepositoryObject.objects.select_related("object").filter(object_id=sha256)
    own = here.filter(repository=repository).first()
    if own is not None:
        return own.object
    elsewhere = here.filter(committed_at__isnull=False, repository__in=repositories_visible_to(principal)).first()
    return elsewhere.object if elsewhere is not None else None
