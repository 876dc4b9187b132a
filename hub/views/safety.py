"""Reporting, following a report, objecting; the public register; the desk of staff."""

from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from accounts.principal import Principal
from common.errors import Forbidden, NotFound, Refusal
from common.pagination import page_of
from hub.api.protocol import address_of
from hub.enums import ReportKind, ReportState, RepositoryKind
from hub.forms import DecisionForm, ObjectionForm, ReportForm
from hub.models import Report, Repository
from hub.selectors import reportables
from hub.selectors import reports as selectors
from hub.selectors.opt_outs import for_staff
from hub.selectors.reportables import Subject
from hub.selectors.repositories import repository_for
from hub.services import reports as services

EXPECTED = {400, 409, 422, 429}


@require_http_methods(["GET", "HEAD", "POST"])
def report_create(request: HttpRequest) -> HttpResponse:
    """For everybody, with an account or without."""
    form = ReportForm(request.POST or None, initial={"about": request.GET.get("about", "")})
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = services.file_report(
                subject_at(request.principal, given["about"]),
                kind=given["kind"],
                statement=given["statement"],
                by=request.principal,
                contact=given["contact"],
                address=address_of(request),
                revision=given["revision"],
                paths=given["paths"],
            )
        except Refusal as refusal:
            if refusal.status not in EXPECTED | {401, 403, 404}:
                raise
            form.add_error("about" if refusal.status in {401, 403, 404} else None, str(refusal))
        else:
            return redirect("report_follow", key=made.key)
    return render(request, "hub/report_new.html", {"form": form})


@require_safe
def report_follow(request: HttpRequest, key: str) -> HttpResponse:
    """For who reported: the address is the proof."""
    report = selectors.report_by_key(key)
    if report is None:
        raise NotFound(_("There is no such report."), hint=_("Check the address that you were given."))
    context = {"report": report, "events": report.events.order_by("id"), "is_reporter": True}
    response = render(request, "hub/report.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report_page(request: HttpRequest, number: int) -> HttpResponse:
    """For those whom it concerns, and staff: the complaint without its author, and the way to object."""
    report = selectors.report_for(request.principal, number)
    concerned = selectors.is_concerned(request.principal, report)
    form = ObjectionForm(request.POST or None)
    if form.is_valid():
        try:
            services.object_to(report, statement=form.cleaned_data["statement"], by=request.principal)
        except Refusal as refusal:
            if refusal.status not in EXPECTED:
                raise
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Your objection is noted; staff decide about it."))
            return redirect(report)
    may_object = concerned and report.state == ReportState.UPHELD and not report.is_overdue
    context = {
        "report": report,
        "events": report.events.order_by("id"),
        "blocks": report.blocks.order_by("id"),
        "form": form if may_object else None,
    }
    return render(request, "hub/report.html", context)


@require_GET
def register(request: HttpRequest) -> HttpResponse:
    kind, state = request.GET.get("kind", ""), request.GET.get("state", "")
    context = {
        "page": page_of(request, selectors.register(kind=kind, state=state)),
        "kind": kind,
        "state": state,
        "kinds": ReportKind.choices,
        "states": [(value, label) for value, label in ReportState.choices if value != ReportState.RECEIVED],
    }
    return render(request, "hub/register.html", context)


@login_required
@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    require_staff(request.principal)
    state = request.GET.get("state", "")
    context = {
        "page": page_of(request, selectors.queue(state=state)),
        "state": state,
        "states": ReportState.choices,
        "opt_outs": for_staff()[:50],
    }
    return render(request, "hub/desk.html", context)


@login_required
@require_safe
def desk_report(request: HttpRequest, number: int) -> HttpResponse:
    require_staff(request.principal)
    report = selectors.report_numbered(number)
    initial = {"paths": "\n".join(report.paths), "contents": "\n".join(report.contents)}
    return _desk_page(request, report, DecisionForm(initial=initial))


@login_required
@require_POST
def desk_act(request: HttpRequest, number: int) -> HttpResponse:
    """One form, several buttons, as the state permits."""
    require_staff(request.principal)
    report = selectors.report_numbered(number)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _desk_page(request, report, form)
    given, by = form.cleaned_data, request.principal
    try:
        match request.POST.get("act"):
            case "take_up":
                services.take_up(report, by=by)
            case "reject":
                services.reject(report, reason=given["reason"], by=by)
            case "uphold":
                services.uphold(report, by=by, **given)
            case "restore":
                services.restore(report, reason=given["reason"], by=by)
            case "confirm":
                services.confirm(report, reason=given["reason"], by=by)
    except Refusal as refusal:
        if refusal.status not in EXPECTED:
            raise
        form.add_error(None, str(refusal))
        return _desk_page(request, report, form)
    return redirect("desk_report", number=number)


def subject_at(principal: Principal, address: str) -> Repository | Subject:
    """What another room published at the address, or the repository there. Raises as `repository_at` does."""
    return reportables.subject_at(principal, path_of(address)) or repository_at(principal, address)


def path_of(address: str) -> str:
    """Empty when it is no address."""
    try:
        return unquote(urlsplit(address.strip()).path)
    except ValueError:
        return ""


def repository_at(principal: Principal, address: str) -> Repository:
    """The repository of a name (`ada/model`, `datasets/ada/set`) or of any address in it.

    Raises RepositoryNotFound, RepositoryMoved.
    """
    parts = [part for part in path_of(address).split("/") if part]
    kind = next((kind for kind in RepositoryKind if kind.prefix and parts[:1] == [kind.plural]), RepositoryKind.MODEL)
    names = parts[1:3] if kind.prefix else parts[:2]
    return repository_for(principal, kind, "/".join(names))


def require_staff(principal: Principal) -> None:
    if not principal.is_staff:
        raise Forbidden(_("Only staff see this desk."))


def _desk_page(request: HttpRequest, report: Report, form: DecisionForm) -> HttpResponse:
    acts = {
        ReportState.RECEIVED: ["take_up", "reject"],
        ReportState.UNDER_REVIEW: ["uphold", "reject"],
        ReportState.COUNTER_NOTICED: ["restore", "confirm"],
    }
    context: dict[str, Any] = {
        "report": report,
        "events": report.events.order_by("id"),
        "blocks": report.blocks.order_by("id"),
        "form": form,
        "acts": acts.get(ReportState(report.state), []),
        "base": settings.BASE_URL,
    }
    return render(request, "hub/desk_report.html", context)
