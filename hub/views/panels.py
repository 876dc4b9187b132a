"""What the hub shows in slots of other pages."""

from django.http import HttpRequest
from django.template.loader import render_to_string

from accounts.models import Namespace
from accounts.rules import may_read_namespace
from hub.enums import RepositoryKind
from hub.selectors import listing
from hub.selectors.buckets import buckets_of
from hub.views.storage import bars_of

SHOWN = 3
SHOWN_BUCKETS = 50


def newest(request: HttpRequest) -> str:
    """The front page: what changed last."""
    rows = {
        kind: list(listing.listed(request.principal, kind, listing.Filters())[:SHOWN])
        for kind in (RepositoryKind.MODEL, RepositoryKind.DATASET)
    }
    if not any(rows.values()):
        return ""
    context = {"models": rows[RepositoryKind.MODEL], "datasets": rows[RepositoryKind.DATASET]}
    return render_to_string("hub/newest.html", context, request)


def buckets(request: HttpRequest, namespace: Namespace) -> str:
    """The page of a person or organisation: its buckets."""
    rows = list(buckets_of(namespace, request.principal)[:SHOWN_BUCKETS])
    return render_to_string("hub/buckets_panel.html", {"buckets": rows}, request) if rows else ""


def storage(request: HttpRequest, namespace: Namespace) -> str:
    """The page of a person or organisation, for those who belong to it: how much room is left."""
    if request.user.is_anonymous or not may_read_namespace(request.principal, namespace):
        return ""
    return render_to_string("hub/storage_panel.html", {"bars": bars_of(namespace), "namespace": namespace}, request)
