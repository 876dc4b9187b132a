"""Lines of descent: writing them down, and what the people of the source say of them."""

import re

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from accounts.rules import may_write_namespace
from common.errors import Conflict, Forbidden
from common.services import audit
from hub.algorithms.provenance import Provenance, Source
from hub.enums import EVIDENCE_MOVES, EdgeKind, Evidence, RepositoryKind
from hub.models import LineageEdge, Repository, Version
from hub.rules import may_read
from hub.selectors.lineage import latest_version
from hub.selectors.repositories import repository_named

_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)


def write(version: Version, claims: Provenance) -> None:
    rows: dict[tuple[str, str, str], LineageEdge] = {}
    for source in claims.datasets:
        _add(rows, version, source, EdgeKind.DATASET, RepositoryKind.DATASET)
    for source in claims.base_models:
        kind = EdgeKind(source.kind) if source.kind in EdgeKind.values else EdgeKind.FINETUNE
        _add(rows, version, source, kind, RepositoryKind.MODEL)
    LineageEdge.objects.bulk_create(rows.values())


@transaction.atomic
def confirm(edge: LineageEdge, *, by: Principal) -> LineageEdge:
    """The people of the source agree that this was made out of it; from now on it is paid."""
    edge = _locked_for_the_source(edge, by)
    assert edge.parent is not None
    if edge.evidence in {Evidence.CLAIMED, Evidence.DENIED}:
        edge.parent_version = edge.parent_version or latest_version(edge.parent, edge.parent_commit or None)
        edge.confirmed_by = by.user
        move(edge, Evidence.CONFIRMED)
        edge.save(update_fields=["confirmed_by", "parent_version"])
        audit.record("lineage.confirmed", f"version:{edge.version_id}", actor=by, parent=edge.parent_name)
    return edge


@transaction.atomic
def deny(edge: LineageEdge, *, by: Principal) -> LineageEdge:
    """The people of the source say that this was not made out of it. The claim stays to be seen, unpaid.

    What a job proved needs a dispute. Raises Forbidden, Conflict.
    """
    edge = _locked_for_the_source(edge, by)
    if edge.evidence == Evidence.JOB:
        raise Conflict(_("A job that ran here proved this line of descent."), hint=_("Open a dispute about it."))
    if edge.evidence != Evidence.DENIED:
        move(edge, Evidence.DENIED)
        audit.record("lineage.denied", f"version:{edge.version_id}", actor=by, parent=edge.parent_name)
    return edge


def move(edge: LineageEdge, to: Evidence) -> None:
    """The one way evidence changes. Raises Conflict."""
    if to not in EVIDENCE_MOVES[Evidence(edge.evidence)]:
        raise Conflict(
            _("This line of descent is %(state)s and cannot change to that.") % {"state": edge.get_evidence_display()}
        )
    edge.evidence = to
    edge.save(update_fields=["evidence"])


def _locked_for_the_source(edge: LineageEdge, by: Principal) -> LineageEdge:
    edge = LineageEdge.objects.select_for_update(of=("self",)).select_related("parent__namespace").get(pk=edge.pk)
    if edge.parent is None or not by.may_manage or not may_write_namespace(by, edge.parent.namespace):
        raise Forbidden(_("Only those who may write to the source can say whether this was made out of it."))
    return edge


def _add(
    rows: dict[tuple[str, str, str], LineageEdge],
    version: Version,
    source: Source,
    kind: EdgeKind,
    parent_kind: RepositoryKind,
) -> None:
    parent = repository_named(parent_kind, source.repository)
    if parent is not None and parent.pk == version.repository_id:
        return
    if parent is not None and not may_read(Principal(user=version.published_by), parent):
        parent = None  # a claim must not tell what somebody else's private repository is or is made of
    evidence = Evidence.CLAIMED
    confirmed_by = None
    if parent is not None and version.job:
        evidence = Evidence.JOB
    elif parent is not None and _publisher_writes(version, parent):
        evidence, confirmed_by = Evidence.CONFIRMED, version.published_by
    commit = source.revision if _COMMIT.fullmatch(source.revision) else ""
    newest = latest_version(parent, commit or None) if parent is not None else None
    rows[kind, parent_kind, source.repository.lower()] = LineageEdge(
        version=version,
        kind=kind,
        parent_kind=parent_kind,
        parent_name=source.repository,
        parent=parent,
        parent_version=newest,
        parent_commit=commit or (newest.commit if newest is not None else ""),
        pin_is_presumed=not commit and newest is not None,
        weight=source.weight,
        evidence=evidence,
        confirmed_by=confirmed_by,
    )


def _publisher_writes(version: Version, parent: Repository) -> bool:
    return version.published_by is not None and may_write_namespace(
        Principal(user=version.published_by), parent.namespace
    )
