"""What stands at an address from which something was taken away."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from hub.enums import RepositoryKind
from hub.selectors.credits import credits_of
from hub.selectors.reports import is_concerned, reports_about, tombstone_of
from hub.selectors.repositories import repository_named


def page(request: HttpRequest, kind: RepositoryKind, full_name: str) -> HttpResponse | None:
    """The tombstone at an address, None where none is: 451 for what a report disabled, 410 for what was deleted.

    What is private has none, for it was nowhere to be seen.
    """
    repository = repository_named(kind, full_name)
    if repository is not None:
        if repository.is_private or not repository.is_disabled:
            return None
        reports = list(reports_about(repository))
        context = {
            "full_name": repository.full_name,
            "kind": kind,
            "reports": reports,
            "versions": repository.versions.order_by("number"),
            "is_concerned": any(is_concerned(request.principal, report) for report in reports),
        }
        return render(request, "hub/tombstone.html", _with_credits(context), status=451)
    stone = tombstone_of(kind, full_name)
    if stone is None:
        return None
    context = {
        "full_name": stone.full_name,
        "kind": kind,
        "stone": stone,
        "reports": list(stone.reports.order_by("id")),
        "versions": stone.versions.order_by("number"),
    }
    return render(request, "hub/tombstone.html", _with_credits(context), status=410)


def _with_credits(context: dict) -> dict:
    return context | {"versions": [(version, list(credits_of(version))) for version in context["versions"]]}
