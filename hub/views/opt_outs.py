"""Requests to leave something out of a data set, as pages."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Refusal
from common.pagination import page_of
from hub.api.protocol import address_of
from hub.enums import OPT_OUT_MOVES, OptOutState
from hub.forms import AnswerForm, OptOutForm
from hub.selectors import opt_outs as selectors
from hub.services import opt_outs as services
from hub.views.frame import context_of, find
from hub.views.safety import EXPECTED


@require_safe
def opt_out_list(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    """All requests about a data set with their states, for everybody who sees it."""
    repository = find(request, prefix, namespace, name)
    page = page_of(request, selectors.opt_outs_of(repository))
    return render(request, "hub/opt_outs.html", context_of(request, repository, "opt-outs", page=page))


@require_http_methods(["GET", "HEAD", "POST"])
def opt_out_create(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    form = OptOutForm(request.POST or None)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = services.request_opt_out(
                repository,
                matches=given["matches"],
                statement=given["statement"],
                by=request.principal,
                contact=given["contact"],
                address=address_of(request),
            )
        except Refusal as refusal:
            if refusal.status not in EXPECTED:
                raise
            form.add_error(None, str(refusal))
        else:
            return redirect(f"{made.get_absolute_url()}?key={made.key}")
    return render(request, "hub/opt_out_new.html", context_of(request, repository, "opt-outs", form=form))


@require_safe
def opt_out_page(request: HttpRequest, number: int) -> HttpResponse:
    """The state of a request, for everybody; what it names for those who answer it and who made it."""
    found = selectors.opt_out_for(request.principal, number)
    key = request.GET.get("key", "")
    is_requester = key == found.key or (request.user.is_authenticated and found.requester_id == request.user.pk)
    is_handler = selectors.is_handler(request.principal, found)
    decides = request.principal.is_staff if found.state == OptOutState.APPEALED else is_handler
    moves = [move for move in OptOutState if move in OPT_OUT_MOVES[OptOutState(found.state)]]
    sees = is_requester or is_handler or request.principal.is_staff
    descendants, hidden = [], 0
    if found.repository is not None:
        descendants, hidden = selectors.descendants_visible_to(request.principal, found.repository)
    context = {
        "found": found,
        "key": key if is_requester else "",
        "events": found.events.order_by("id"),
        "matches": found.matches.order_by("id") if sees or found.state == OptOutState.HONOURED else None,
        "sees_statement": sees,
        "moves": [move for move in moves if move != OptOutState.APPEALED] if decides else [],
        "may_appeal": is_requester and OptOutState.APPEALED in moves,
        "form": AnswerForm(),
        "descendants": descendants[:200],
        "hidden": hidden,
    }
    response = render(request, "hub/opt_out.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_POST
def opt_out_act(request: HttpRequest, number: int) -> HttpResponse:
    """Answer it, or appeal."""
    found = selectors.opt_out_for(request.principal, number)
    form = AnswerForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    act, key = request.POST.get("act", ""), request.POST.get("key", "")
    try:
        if act == OptOutState.APPEALED:
            services.appeal(found, key=key, statement=reason, by=request.principal)
        else:
            services.answer(found, act, by=request.principal, reason=reason)
    except Refusal as refusal:
        if refusal.status not in EXPECTED:
            raise
        messages.error(request, str(refusal))
    address = found.get_absolute_url()
    return redirect(f"{address}?key={found.key}" if key == found.key else address)
