"""What the hub shows in slots of other pages."""

from django.http import HttpRequest
from django.template.loader import render_to_string

from hub.enums import RepositoryKind
from hub.selectors import listing

SHOWN = 3


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
