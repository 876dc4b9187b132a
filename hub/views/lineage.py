"""Versions, credits, and what came out of what."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from hub.models import Credit, LineageEdge
from hub.rules import may_read
from hub.selectors import lineage
from hub.services import versions as services
from hub.views.frame import context_of, find


@require_safe
def lineage_page(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    context = context_of(request, repository, "lineage")
    version = context["version"]
    context |= {
        "parents": lineage.parents_of(version, request.principal) if version else [],
        "children": list(lineage.children_of(repository, request.principal)[:100]),
        "versions": list(lineage.versions_of(repository)[:50]),
        "to_confirm": list(lineage.edges_to_confirm(repository, request.principal)[:50])
        if context["may_write"]
        else [],
    }
    return render(request, "hub/lineage.html", context)


@login_required
@require_POST
def credit_answer(request: HttpRequest, credit_id: int) -> HttpResponse:
    credit = get_object_or_404(Credit, pk=credit_id, user=request.user)
    accept = request.POST.get("answer") == "accept"
    services.answer_credit(credit, accept=accept, by=request.principal)
    messages.success(request, _("You are named from now on.") if accept else _("You are not named."))
    return redirect(request.user.namespace)


@login_required
@require_POST
def edge_confirm(request: HttpRequest, edge_id: int) -> HttpResponse:
    edge = get_object_or_404(LineageEdge.objects.select_related("parent__namespace"), pk=edge_id, parent__isnull=False)
    if not may_read(request.principal, edge.parent):
        return get_object_or_404(LineageEdge.objects.none())
    services.confirm_edge(edge, by=request.principal)
    messages.success(request, _("Confirmed: from now on you share in what it earns."))
    return redirect(f"{edge.parent.get_absolute_url()}/lineage")
