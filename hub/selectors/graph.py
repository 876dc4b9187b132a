"""The lines of descent around a repository as a graph, as far as a person may see.

What they may not see is not there: neither as a node, nor counted, nor passed through.
"""

from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from accounts.principal import Principal
from hub.enums import EdgeKind, Evidence
from hub.models import LineageEdge, Repository, Version
from hub.selectors.repositories import repositories_visible_to

MAX_DEPTH = 6
MAX_NODES = 200
ANCESTORS, DESCENDANTS, BOTH = "ancestors", "descendants", "both"
DIRECTIONS = (ANCESTORS, DESCENDANTS, BOTH)


@dataclass(frozen=True)
class Node:
    """A repository, None for a source that is named but not kept here. Ancestors have levels below 0."""

    key: str
    name: str
    kind: str
    level: int
    repository: Repository | None = None


@dataclass(frozen=True)
class Line:
    """`child` was made out of `parent`. Commits are full ids, `parent_commit` empty when nobody knows it."""

    child: str
    parent: str
    kind: EdgeKind
    evidence: Evidence
    weight: int
    child_version: int
    child_commit: str
    parent_commit: str
    pin_is_presumed: bool


@dataclass
class Graph:
    root: str
    nodes: dict[str, Node] = field(default_factory=dict)
    lines: dict[tuple[str, str, str], Line] = field(default_factory=dict)
    is_cut: bool = False


def graph_of(
    repository: Repository,
    principal: Principal,
    *,
    direction: str = BOTH,
    depth: int = 3,
    kinds: frozenset[str] = frozenset(),
    evidence: frozenset[str] = frozenset(),
) -> Graph:
    """Two queries per generation and direction, each repository visited once, so circles end.

    `kinds` and `evidence` keep only such lines; empty means all. Beyond MAX_NODES it is cut and says so.
    """
    root = Node(_key(repository), repository.full_name, repository.kind, 0, repository)
    graph = Graph(root.key, {root.key: root})
    wanted = Q()
    if kinds:
        wanted &= Q(kind__in=kinds)
    if evidence:
        wanted &= Q(evidence__in=evidence)
    if direction in {ANCESTORS, BOTH}:
        _walk(graph, repository, principal, wanted, depth, up=True)
    if direction in {DESCENDANTS, BOTH}:
        _walk(graph, repository, principal, wanted, depth, up=False)
    return graph


def _walk(graph: Graph, root: Repository, principal: Principal, wanted: Q, depth: int, *, up: bool) -> None:
    frontier = {root.pk}
    for generation in range(1, min(depth, MAX_DEPTH) + 1):
        if not frontier:
            return
        found = _parents(frontier, principal, wanted) if up else _children(frontier, principal, wanted)
        frontier = set()
        for edge in found:
            other = edge.parent if up else edge.version.repository
            key = _key(other) if other is not None else f"{edge.parent_kind}:{edge.parent_name}"
            if key not in graph.nodes:
                if len(graph.nodes) >= MAX_NODES:
                    graph.is_cut = True
                    continue
                name = other.full_name if other is not None else edge.parent_name
                kind = other.kind if other is not None else edge.parent_kind
                graph.nodes[key] = Node(key, name, kind, -generation if up else generation, other)
                if other is not None:
                    frontier.add(other.pk)
            _add_line(graph, edge, parent=key if up else _key(edge.parent))


def _parents(frontier: set[int], principal: Principal, wanted: Q) -> list[LineageEdge]:
    """Of the newest versions: what was corrected in a later version is corrected in the graph."""
    newest = Version.objects.filter(repository__in=frontier).order_by("repository_id", "-number")
    versions = newest.distinct("repository_id").values("pk")
    seen = Q(parent__isnull=True) | Q(parent__in=repositories_visible_to(principal))
    return _rows(LineageEdge.objects.filter(seen, wanted, version__in=versions))


def _children(frontier: set[int], principal: Principal, wanted: Q) -> list[LineageEdge]:
    visible = repositories_visible_to(principal)
    return _rows(LineageEdge.objects.filter(wanted, parent__in=frontier, version__repository__in=visible))


def _rows(edges: QuerySet[LineageEdge]) -> list[LineageEdge]:
    rows = edges.select_related("parent__namespace", "version__repository__namespace")
    return list(rows.order_by("-version__number", "kind", "parent_name", "pk")[: MAX_NODES * 2])


def _add_line(graph: Graph, edge: LineageEdge, *, parent: str) -> None:
    """The newest version of a child speaks for it."""
    child = _key(edge.version.repository)
    if child not in graph.nodes or parent not in graph.nodes:
        return
    graph.lines.setdefault(
        (child, parent, edge.kind),
        Line(
            child=child,
            parent=parent,
            kind=EdgeKind(edge.kind),
            evidence=Evidence(edge.evidence),
            weight=edge.weight,
            child_version=edge.version.number,
            child_commit=edge.version.commit,
            parent_commit=edge.parent_commit,
            pin_is_presumed=edge.pin_is_presumed,
        ),
    )


def _key(repository: Repository | None) -> str:
    assert repository is not None
    return f"{repository.kind}:{repository.full_name}"
