"""Lineage and credits for programs (docs/reference/credits-and-lineage.md)."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from common.errors import Invalid, NotFound
from hub.api.protocol import date, door, principal_of, repository
from hub.enums import EdgeKind, Evidence, RepositoryKind
from hub.models import Credit, CreditCorrection, Mention, Version
from hub.selectors import credits as selectors
from hub.selectors.graph import BOTH, DIRECTIONS, MAX_DEPTH, Line, Node, graph_of
from hub.selectors.lineage import latest_version, versions_of


@door("GET")
def lineage(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    graph = graph_of(
        found,
        principal_of(request),
        direction=_one_of(request.GET.get("direction", BOTH), DIRECTIONS),
        depth=_number(request.GET.get("depth", "3"), MAX_DEPTH),
        kinds=frozenset(_one_of(word, EdgeKind.values) for word in request.GET.getlist("type")),
        evidence=frozenset(_one_of(word, Evidence.values) for word in request.GET.getlist("evidence")),
    )
    answer = {
        "root": graph.root,
        "nodes": [_node(node) for node in graph.nodes.values()],
        "edges": [_line(line) for line in graph.lines.values()],
        "truncated": graph.is_cut,
    }
    return JsonResponse(answer)


@door("GET")
def credits_of_version(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    """Of the newest version, or of `version` by its number. Whoever sees the repository sees them."""
    found = repository(request, kind, namespace, name)
    version = _version(request, latest_version(found), versions_of(found))
    answer = {
        "version": {"number": version.number, "commit": version.commit, "key": version.key},
        "credits": [_credit(credit) for credit in selectors.credits_of(version)],
        "corrections": [_corrected(row) for row in selectors.corrections_of(version)],
        "mentions": [_mention(mention) for mention in selectors.mentions_of(version)],
        "sponsors": [
            {"name": one.name, "job": one.job, "source": one.source, "gpuSeconds": one.gpu_seconds}
            for one in selectors.sponsors_of(version)
        ],
        "disputes": [
            {"id": one.pk, "matter": one.matter, "state": one.state, "openedAt": date(one.opened_at)}
            for one in version.disputes.all()
        ],
        "seals": [
            {
                "sequence": seal.sequence,
                "sha256": seal.sha256,
                "signature": seal.signature,
                "statement": json.loads(seal.body),
            }
            for seal in version.seals.all()
        ],
    }
    return JsonResponse(answer)


def _version(request: HttpRequest, newest: Version | None, every: Any) -> Version:
    asked = request.GET.get("version")
    found = newest if asked is None else every.filter(number=_number(asked, 2**31 - 1)).first()
    if found is None:
        raise NotFound("There is no such version.")
    return found


def _node(node: Node) -> dict[str, Any]:
    return {"id": node.key, "name": node.name, "type": node.kind, "level": node.level, "here": bool(node.repository)}


def _line(line: Line) -> dict[str, Any]:
    return {
        "child": line.child,
        "parent": line.parent,
        "type": line.kind,
        "evidence": line.evidence,
        "weight": line.weight,
        "childVersion": line.child_version,
        "childCommit": line.child_commit,
        "parentCommit": line.parent_commit or None,
        "pinIsPresumed": line.pin_is_presumed,
    }


def _credit(credit: Credit) -> dict[str, Any]:
    return _corrected(credit) | {"state": credit.state, "disputed": credit.is_disputed}  # type: ignore[attr-defined]


def _corrected(row: Credit | CreditCorrection) -> dict[str, Any]:
    return {
        "user": row.user.username,
        "fullname": row.user.get_full_name(),
        "orcid": row.user.orcid if row.user.orcid_verified_at else None,
        "roles": row.roles,
        "points": row.points,
    }


def _mention(mention: Mention) -> dict[str, Any]:
    return {"name": mention.name, "orcid": mention.orcid or None, "roles": mention.roles}


def _one_of(word: str, known: Any) -> str:
    if word not in known:
        raise Invalid(f"{word!r} is not one of {', '.join(known)}.")
    return word


def _number(text: str, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise Invalid(f"{text!r} is not a number from 1 to {most}.")
    return int(text)
