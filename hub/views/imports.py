"""A person's imports as pages."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.selectors import namespace_named
from common.errors import Refusal
from common.pagination import page_of
from hub import tasks
from hub.enums import ImportReason, ImportSchedule
from hub.forms import ImportForm, StatementForm
from hub.models import Import
from hub.selectors import imports as selectors
from hub.services import imports as services


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_create(request: HttpRequest) -> HttpResponse:
    form = ImportForm(request.POST or None, user=request.user, initial={"source": request.GET.get("source", "")[:500]})
    if form.is_valid():
        chosen = dict(form.cleaned_data)
        namespace = namespace_named(chosen.pop("namespace"))
        assert namespace is not None
        try:
            made = services.create(chosen.pop("source"), namespace, chosen.pop("name"), by=request.principal, **chosen)
        except Refusal as refusal:
            form.add_error(refusal.code if refusal.code in form.fields else "source", str(refusal))
        else:
            tasks.start_imports.delay()
            return redirect("import", key=made.key)
    return render(request, "hub/import_new.html", {"form": form})


@login_required
@never_cache
@require_safe
def import_list(request: HttpRequest) -> HttpResponse:
    page = page_of(request, selectors.imports_of(request.principal), size=30)
    return render(request, "hub/imports.html", {"page": page})


@login_required
@never_cache
@require_safe
def import_page(request: HttpRequest, key: str) -> HttpResponse:
    return render(request, "hub/import.html", _context(selectors.import_for(request.principal, key)))


@login_required
@never_cache
@require_safe
def import_live(request: HttpRequest, key: str) -> HttpResponse:
    """The part of the page that changes."""
    return render(request, "hub/import_live.html", _context(selectors.import_for(request.principal, key)))


@login_required
@require_POST
def import_act(request: HttpRequest, key: str) -> HttpResponse:
    """The buttons of the page."""
    found, by = selectors.import_for(request.principal, key), request.principal
    try:
        match request.POST.get("act"):
            case "pause":
                services.pause(found, by=by)
            case "cancel":
                services.cancel(found, by=by)
            case "run":
                services.run_now(found, by=by)
            case "confirm":
                services.confirm(found, request.POST.get("statement", ""), by=by)
            case "schedule":
                services.set_schedule(found, request.POST.get("schedule", ""), by=by)
                messages.success(request, _("The settings are saved."))
    except Refusal as refusal:
        if refusal.status not in {400, 409}:
            raise
        messages.error(request, str(refusal))
    else:
        tasks.start_imports.delay()
    return redirect("import", key=key)


def _context(found: Import) -> dict[str, object]:
    asks = found.reason == ImportReason.LICENCE_UNCLEAR
    return {
        "one": found,
        "runs": selectors.runs_of(found),
        "schedules": ImportSchedule.choices,
        "statement_form": StatementForm() if asks else None,
    }
