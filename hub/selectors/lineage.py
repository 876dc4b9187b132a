"""Versions, and the graph of what came out of what."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import NotFound
from hub.enums import UNPAID_EVIDENCE, EdgeKind, Evidence
from hub.git.reading import is_part_of
from hub.git.repositories import open_repository
from hub.models import LineageEdge, Repository, Version
from hub.selectors.credits import contributors_of
from hub.selectors.repositories import repositories_visible_to
from revenue.algorithms.attribution import MAX_DEPTH, Asset, AttributionGraph, Contributor, Parent


def latest_version(repository: Repository, commit: str | None = None) -> Version | None:
    """The newest version, or the one that was recorded for `commit`."""
    versions = Version.objects.select_related("repository__namespace", "published_by").filter(repository=repository)
    if commit is not None:
        exact = versions.filter(commit=commit).first()
        if exact is not None:
            return exact
    return versions.order_by("-number").first()


def version_at(repository: Repository, commit: str) -> Version | None:
    """The version whose files a commit holds: the one recorded for it, or the newest that it builds upon."""
    repo = open_repository(repository.path)
    numbered = versions_of(repository).order_by("-number")
    return next((version for version in numbered if is_part_of(repo, version.commit, commit)), None)


def original_of(version: Version) -> Version:
    """The version that this one is an unchanged copy of, or itself: its work is that of the original's people."""
    seen = {version.pk}
    while (edge := _copy_edge(version)) is not None and edge.parent_version_id not in seen:
        assert edge.parent_version is not None
        version = edge.parent_version
        seen.add(version.pk)
    return version


def _copy_edge(version: Version) -> LineageEdge | None:
    """The line of a copy that is at the very commit of its source."""
    copied = version.edges.filter(kind=EdgeKind.COPY, evidence=Evidence.COPIED, parent_version__isnull=False)
    return copied.filter(parent_commit=version.commit).select_related("parent_version").first()


def versions_of(repository: Repository) -> QuerySet[Version]:
    return Version.objects.filter(repository=repository).select_related("published_by").order_by("-number")


def parents_of(version: Version, principal: Principal) -> list[LineageEdge]:
    """What it was made of. Sources that a person may not see are not even counted for them."""
    visible = repositories_visible_to(principal).filter(children__version=version)
    edges = version.edges.filter(Q(parent__isnull=True) | Q(parent__in=visible))
    return list(edges.select_related("parent__namespace", "parent_version").order_by("kind", "parent_name"))


def version_for(repository: Repository, number: int | None) -> Version:
    """The newest, or that of a number. Raises NotFound."""
    rows = versions_of(repository).select_related("repository__namespace")
    found = (rows if number is None else rows.filter(number=number)).first()
    if found is None:
        raise NotFound(_("There is no such version."))
    return found


def newest_edge(repository: Repository, principal: Principal, number: int) -> tuple[Version, LineageEdge]:
    """A line of descent that the newest version names, and that version. Raises NotFound."""
    version = version_for(repository, None)
    edge = next((one for one in parents_of(version, principal) if one.pk == number), None)
    if edge is None:
        raise NotFound(_("There is no such line of descent, or it is not yours to see."))
    return version, edge


def edge_for(principal: Principal, number: int) -> LineageEdge:
    """A line of descent from a repository that the person may see. Raises NotFound."""
    rows = LineageEdge.objects.filter(pk=number, parent__in=repositories_visible_to(principal))
    found = rows.select_related("parent__namespace").first()
    if found is None:
        raise NotFound(_("There is no such line of descent, or it is not yours to see."))
    return found


def children_of(repository: Repository, principal: Principal) -> QuerySet[LineageEdge]:
    """What was made out of it, newest first, as far as this person may see."""
    return (
        LineageEdge.objects.filter(parent=repository, version__repository__in=repositories_visible_to(principal))
        .select_related("version__repository__namespace")
        .order_by("-version__published_at")
    )


def edges_to_confirm(repository: Repository, principal: Principal) -> QuerySet[LineageEdge]:
    """Claims about this repository that its people have neither confirmed nor seen proven, as far as
    they may see who claims: what is private stays so until it is opened."""
    return children_of(repository, principal).filter(evidence=Evidence.CLAIMED)


def attribution_graph(repository: Repository, commit: str | None = None) -> AttributionGraph | None:
    """Who made this, and what it was made of, as revenue shares it out; None before the first version.

    Only accepted credits and believed lines of descent count. Lines that would close a
    circle are left out: the older version earns nothing from a younger one. An unchanged copy
    stands for its original.
    """
    root = latest_version(repository, commit)
    if root is None:
        return None
    root = original_of(root)
    assets: dict[str, Asset] = {}
    _collect(root, assets, path=(), depth=0)
    return AttributionGraph(root.key, assets)


def _collect(version: Version, assets: dict[str, Asset], *, path: tuple[str, ...], depth: int) -> None:
    parents: list[Parent] = []
    if depth < MAX_DEPTH:
        for edge in _paid_edges(version):
            if edge.parent_version is None:
                continue
            source = original_of(edge.parent_version)
            if source.asset in {*path, version.asset}:
                continue
            parents.append(Parent(source.key, edge.kind, edge.weight))
            if source.key not in assets:
                _collect(source, assets, path=(*path, version.asset), depth=depth + 1)
    assets[version.key] = Asset(
        key=version.key,
        parents=tuple(parents),
        contributors=tuple(Contributor(person, points) for person, points in contributors_of(version)),
        owner=version.owner,
    )


def _paid_edges(version: Version) -> QuerySet[LineageEdge]:
    return (
        version.edges.exclude(evidence__in=UNPAID_EVIDENCE)
        .filter(parent_version__isnull=False)
        .select_related("parent_version")
        .order_by("kind", "parent_name")
    )


def licence_of(repository: Repository) -> str:
    """The licence id on the card, in small letters; empty when none is named."""
    return repository.license
