"""Which large objects a person may read or need not upload again."""

from collections.abc import Iterable

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


def held_objects(principal: Principal, repository: Repository, digests: Iterable[str]) -> dict[str, LargeObject]:
    """Those that need no upload: this repository holds them, or one that the principal may read."""
    wanted = set(digests)
    rows = RepositoryObject.objects.select_related("object").filter(object_id__in=wanted)
    found = {row.object_id: row.object for row in rows.filter(repository=repository)}
    if len(found) < len(wanted):
        readable = rows.filter(committed_at__isnull=False, repository__in=repositories_visible_to(principal))
        found = {row.object_id: row.object for row in readable} | found
    return found
