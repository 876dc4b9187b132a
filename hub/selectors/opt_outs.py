"""Requests to leave something out of a data set, and what they lead to."""

from collections import defaultdict
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.principal import Principal
from accounts.rules import may_write_namespace
from common.errors import NotFound
from hub.enums import MatchKind, OptOutState
from hub.models import LineageEdge, OptOut, OptOutMatch, Repository
from hub.selectors.repositories import repositories_visible_to

_MAX_DEPTH = 20
OPEN = (OptOutState.RECEIVED, OptOutState.ACKNOWLEDGED, OptOutState.VERIFIED, OptOutState.APPEALED)


def opt_outs_of(repository: Repository) -> QuerySet[OptOut]:
    return repository.opt_outs.annotate(match_count=Count("matches")).order_by("-id")


def for_staff() -> QuerySet[OptOut]:
    """What staff decide (appeals) or look after (what the owners leave lying), longest first."""
    rows = OptOut.objects.filter(Q(state=OptOutState.APPEALED) | Q(overdue_since__isnull=False, state__in=OPEN))
    return rows.annotate(match_count=Count("matches")).order_by("deadline", "id")


def opt_out_for(principal: Principal, number: int) -> OptOut:
    """Raises NotFound."""
    found = OptOut.objects.select_related("repository__namespace").filter(pk=number).first()
    if found is None or not may_see(principal, found):
        raise NotFound(_("There is no such request."))
    return found


def may_see(principal: Principal, request: OptOut) -> bool:
    """Its state is public, as far as its data set is."""
    home = request.repository
    return home is None or principal.is_staff or repositories_visible_to(principal).filter(pk=home.pk).exists()


def is_handler(principal: Principal, request: OptOut) -> bool:
    """Those who may write to the data set answer the request."""
    home = request.repository
    return (
        home is not None
        and not home.is_disabled
        and may_write_namespace(principal, home.namespace, repository=home.reference)
    )


def honoured(repository: Repository) -> dict[str, Any]:
    """What training programs leave out: everything that honoured requests name, by kind, each with its request."""
    rows = OptOutMatch.objects.filter(request__repository=repository, request__state=OptOutState.HONOURED)
    found: dict[str, list[str]] = {kind.value: [] for kind in MatchKind}
    requests: dict[int, list[dict[str, str]]] = defaultdict(list)
    for row in rows.order_by("request_id", "id"):
        found[row.kind].append(row.value)
        requests[row.request_id].append({"kind": row.kind, "value": row.value})
    return {
        "matches": {kind: sorted(set(values)) for kind, values in found.items()},
        "requests": [{"number": number, "matches": matches} for number, matches in requests.items()],
    }


def descendants_of(repository: Repository) -> list[LineageEdge]:
    """Every line by which a version comes from this data set, directly or through others, nearest first.

    Whether a line is claimed or proven makes no difference here: who says to have used it is told.
    """
    found: dict[int, LineageEdge] = {}
    seen, frontier = {repository.pk}, {repository.pk}
    for _depth in range(_MAX_DEPTH):
        rows = LineageEdge.objects.filter(parent_id__in=frontier).select_related("version__repository__namespace")
        edges = [edge for edge in rows.order_by("id") if edge.pk not in found]
        found |= {edge.pk: edge for edge in edges}
        frontier = {edge.version.repository_id for edge in edges if edge.version.repository_id} - seen
        seen |= frontier
        if not frontier:
            break
    return list(found.values())


def descendants_visible_to(principal: Principal, repository: Repository) -> tuple[list[LineageEdge], int]:
    """Those that a person may see, each version once, and how many they may not."""
    edges = {edge.version_id: edge for edge in reversed(descendants_of(repository))}
    homes = [edge.version.repository_id for edge in edges.values() if edge.version.repository_id is not None]
    visible = set(repositories_visible_to(principal).filter(pk__in=homes).values_list("pk", flat=True))
    shown = [edge for edge in edges.values() if edge.version.repository_id in visible]
    return sorted(shown, key=lambda edge: edge.pk), len(edges) - len(shown)
