"""The public register, and what honoured requests leave out of a data set (docs/reference/safety.md)."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from common.pagination import link_next
from hub.api.protocol import date, door, repository
from hub.enums import RepositoryKind
from hub.models import Report
from hub.selectors import opt_outs, reports

_PAGE = 100


@door("GET")
def register(request: HttpRequest) -> HttpResponse:
    """Decided and open reports, newest first, without anything about people."""
    rows = reports.register(kind=request.GET.get("kind", ""), state=request.GET.get("state", ""))
    before = request.GET.get("cursor", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    page = list(rows[: _PAGE + 1])
    response = JsonResponse([_entry(report) for report in page[:_PAGE]], safe=False)
    if len(page) > _PAGE:
        link_next(request, response, cursor=str(page[_PAGE - 1].pk))
    return response


@door("GET")
def left_out(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """What honoured requests name, for programs that train on this data set."""
    found = repository(request, RepositoryKind.DATASET, namespace, name)
    return JsonResponse({"dataset": found.full_name} | opt_outs.honoured(found))


def _entry(report: Report) -> dict[str, object]:
    blocks = [block for block in report.blocks.all() if block.lifted_at is None]
    return {
        "number": report.pk,
        # The name of what is private is nobody's business.
        "about": None if report.is_private else report.asset,
        "kind": report.kind,
        "state": report.state,
        "received": date(report.received_at),
        "decided": date(report.decided_at) if report.decided_at else None,
        "deadline": date(report.deadline) if report.deadline else None,
        "rule": report.rule or None,
        "reason": report.reason or None,
        "disabled": {
            "repository": any(not block.content for block in blocks),
            "files": 0 if report.is_private else sum(bool(block.content) for block in blocks),
        },
    }
