"""Versions, credits, and what came out of what."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from hub.algorithms import drawing
from hub.enums import EdgeKind, Evidence
from hub.selectors import credits as credit_selectors
from hub.selectors import graph as graphs
from hub.selectors import lineage
from hub.services import crediting
from hub.services import lineage as services
from hub.views.frame import context_of, find

_SHORT = 20  # letters of a name that fit into a node


@require_safe
def lineage_page(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    context = context_of(request, repository, "lineage")
    version = context["version"]
    kinds = frozenset(request.GET.getlist("type")) & frozenset(EdgeKind.values)
    evidence = frozenset(request.GET.getlist("evidence")) & frozenset(Evidence.values)
    depth = int(request.GET["depth"]) if request.GET.get("depth") in {"1", "2", "3", "4", "5", "6"} else 3
    graph = graphs.graph_of(repository, request.principal, depth=depth, kinds=kinds, evidence=evidence)
    context |= {
        "parents": lineage.parents_of(version, request.principal) if version else [],
        "children": list(lineage.children_of(repository, request.principal)[:100]),
        "versions": list(lineage.versions_of(repository)[:50]),
        "to_confirm": list(lineage.edges_to_confirm(repository, request.principal)[:50])
        if context["may_write"]
        else [],
        "corrections": credit_selectors.corrections_of(version) if version else [],
        "sponsors": list(credit_selectors.sponsors_of(version)) if version else [],
        "seal": version.seals.last() if version else None,
        "disputes": list(credit_selectors.disputes_of(repository)[:50]),
        "claimable": set(credit_selectors.mentions_to_claim(request.principal).values_list("pk", flat=True)),
        "picture": _picture(graph),
        "graph_is_cut": graph.is_cut,
        "filters": {"depth": depth, "type": kinds, "evidence": evidence},
        "types": EdgeKind.choices,
        "evidences": Evidence.choices,
        "depths": range(1, graphs.MAX_DEPTH + 1),
    }
    return render(request, "hub/lineage.html", context)


@login_required
@require_POST
def credit_answer(request: HttpRequest, credit_id: int) -> HttpResponse:
    credit = credit_selectors.credit_for(request.user, credit_id)
    accept = request.POST.get("answer") == "accept"
    crediting.answer(credit, accept=accept, by=request.principal)
    messages.success(request, _("You are named from now on.") if accept else _("You are not named."))
    return redirect(request.user.namespace)


@login_required
@require_POST
def mention_claim(request: HttpRequest, mention_id: int) -> HttpResponse:
    crediting.claim(credit_selectors.mention_for(request.principal, mention_id), by=request.principal)
    messages.success(request, _("This is you. Say now whether you agree to be credited."))
    return redirect(request.user.namespace)


@login_required
@require_POST
def edge_answer(request: HttpRequest, edge_id: int, *, confirm: bool) -> HttpResponse:
    edge = lineage.edge_for(request.principal, edge_id)
    if confirm:
        services.confirm(edge, by=request.principal)
        messages.success(request, _("Confirmed: from now on you share in what it earns."))
    else:
        services.deny(edge, by=request.principal)
        messages.success(request, _("Noted: it says now that you deny this."))
    return redirect(f"{edge.parent.get_absolute_url()}/lineage")


def _picture(graph: graphs.Graph) -> dict[str, Any] | None:
    """The graph as an SVG's numbers; None when there is nothing but the repository itself."""
    if len(graph.nodes) == 1:
        return None
    picture = drawing.place(
        {key: node.level for key, node in graph.nodes.items()},
        [(line.parent, line.child) for line in graph.lines.values()],
    )
    return {
        "width": picture.width,
        "height": picture.height,
        "node_width": drawing.WIDTH,
        "node_height": drawing.HEIGHT,
        "nodes": [_drawn(node, *picture.places[key], is_root=key == graph.root) for key, node in graph.nodes.items()],
        "lines": [_joined(line, graph, picture) for line in graph.lines.values()],
    }


def _drawn(node: graphs.Node, x: int, y: int, *, is_root: bool) -> dict[str, Any]:
    owner, _slash, name = node.name.partition("/")
    return {
        "x": x,
        "y": y,
        "tx": x + 10,
        "owner_y": y + 18,
        "name_y": y + 36,
        "owner": _short(owner),
        "name": _short(name),
        "full_name": node.name,
        "kind": node.kind,
        "is_root": is_root,
        "address": node.repository.get_absolute_url() + "/lineage" if node.repository is not None else "",
    }


def _joined(line: graphs.Line, graph: graphs.Graph, picture: drawing.Picture) -> dict[str, Any]:
    x1, y1, x2, y2 = picture.ends(line.parent, line.child)
    return {
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "parent": graph.nodes[line.parent],
        "child": graph.nodes[line.child],
        "kind": line.kind.label,
        "evidence": line.evidence,
        "evidence_label": line.evidence.label,
        "weight": line.weight,
        "commit": line.parent_commit,
        "pin_is_presumed": line.pin_is_presumed,
    }


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
