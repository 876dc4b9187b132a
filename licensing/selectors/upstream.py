"""Everything a repository was made of, with licences, for the upstream check."""

from dataclasses import replace
from itertools import islice

from accounts.principal import Principal
from hub.enums import RepositoryKind
from hub.models import LineageEdge, Repository, Version
from hub.rules import may_read
from hub.selectors import repository_named
from hub.selectors.lineage import latest_version, licence_of
from licensing.algorithms.compatibility import Conflict, conflicts_of
from licensing.algorithms.upstream import Answer, Work, check_sale
from licensing.enums import GrantState, Use
from licensing.models import GrantOfUse

MAX_CONFLICTS = 10  # as many are told
MAX_WORKS = 2000  # what lies beyond is not looked up, so the check asks a person


def licence_id(repository: Repository) -> str:
    """The licence on the card; for “other” the name that the card gives it, if any."""
    named = licence_of(repository)
    if named == "other":
        return str(repository.card.get("license_name") or named).lower()
    return named


def check_upstream(repository: Repository, *, terms: str = "") -> Answer:
    """May the repository's owner sell commercial rights in it under these terms?

    Claimed descent counts as well as proven: a claim binds whoever made it.
    """
    root, works = works_of(repository)
    return check_sale(
        root, works, seller=repository.namespace.name, terms=terms, granted=_granted(repository.namespace_id)
    )


def licence_conflicts(repository: Repository, principal: Principal) -> list[Conflict]:
    """Where the licence on the card contradicts those upstream, naming only works that this person sees."""
    if not repository.license:
        return []
    root, works = works_of(repository)
    found = conflicts_of(root, works, granted=frozenset(_granted(repository.namespace_id)))
    return list(islice((one for one in found if _is_seen(one.key, principal)), MAX_CONFLICTS))


def _is_seen(key: str, principal: Principal) -> bool:
    kind, _colon, name = key.partition(":")
    named = repository_named(kind, name)
    return named is None or may_read(principal, named)


def works_of(repository: Repository) -> tuple[str, dict[str, Work]]:
    """The key of the repository, and every work upstream by key; one round of queries per generation."""
    root = _key(repository)
    works = {root: _work(repository)}
    version = latest_version(repository)
    versions = {root: version} if version is not None else {}
    while versions and len(works) < MAX_WORKS:
        edges = _edges(list(versions.values()))
        following: dict[str, Version] = {}
        newest = _newest_of(edges)
        for key, made in versions.items():
            parents = []
            for edge in edges.get(made.pk, []):
                parent = _parent_key(edge)
                parents.append((parent, edge.kind))
                if parent not in works:
                    works[parent] = _parent_work(edge, parent)
                    source = edge.parent_version or (newest.get(edge.parent_id) if edge.parent_id else None)
                    if source is not None:
                        following[parent] = source
            works[key] = replace(works[key], parents=tuple(sorted(parents)))
        versions = following
    return root, works


def _edges(versions: list[Version]) -> dict[int, list[LineageEdge]]:
    found: dict[int, list[LineageEdge]] = {}
    rows = LineageEdge.objects.filter(version__in=versions).select_related("parent__namespace", "parent_version")
    for edge in rows:
        found.setdefault(edge.version_id, []).append(edge)
    return found


def _newest_of(edges: dict[int, list[LineageEdge]]) -> dict[int, Version]:
    """The latest versions of parents whose exact version is not recorded."""
    wanted = {edge.parent_id for rows in edges.values() for edge in rows if edge.parent_version is None}
    rows = Version.objects.filter(repository__in=[pk for pk in wanted if pk is not None])
    newest = rows.order_by("repository_id", "-number").distinct("repository_id")
    return {version.repository_id: version for version in newest if version.repository_id is not None}


def _parent_key(edge: LineageEdge) -> str:
    return _key(edge.parent) if edge.parent is not None else f"{edge.parent_kind}:{edge.parent_name}"


def _parent_work(edge: LineageEdge, key: str) -> Work:
    if edge.parent is not None:
        return _work(edge.parent)
    owner = edge.parent_version.owner if edge.parent_version else ""
    return Work(key, edge.parent_name, "", owner)


def _key(repository: Repository) -> str:
    return f"{repository.kind}:{repository.full_name}"


def _work(repository: Repository) -> Work:
    kind = RepositoryKind(repository.kind)
    title = f"the {'data set' if kind is RepositoryKind.DATASET else kind.value} {repository.full_name}"
    return Work(_key(repository), title, licence_id(repository), repository.namespace.name)


def _granted(seller_id: int) -> list[str]:
    """Works whose owners allowed the seller to license what is built on them."""
    grants = GrantOfUse.objects.filter(
        holder=seller_id, state=GrantState.ACTIVE, offer__use=Use.SUBLICENCE, repository__isnull=False
    ).select_related("repository__namespace")
    return [_key(grant.repository) for grant in grants if grant.repository is not None and grant.holds]
