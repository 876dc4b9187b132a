"""Leave to download in bulk: asking for it, what is used of it, and the list for everybody."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Refusal
from common.pagination import page_of
from hub.forms import BulkForm
from hub.selectors import bulk as selectors
from hub.services import bulk as services


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own_grants(request: HttpRequest) -> HttpResponse:
    form, new_token = BulkForm(request.POST or None), ""
    if form.is_valid():
        try:
            _grant, new_token = services.ask(form.cleaned_data["purpose"], by=request.principal)
        except Refusal as refusal:
            form.add_error("purpose", str(refusal))
    grants = list(selectors.grants_of(request.user)[:20])
    current = next((grant for grant in grants if grant.holds), None)
    context = {
        "form": form,
        "new_token": new_token,
        "current": current,
        "usage": list(selectors.usage_of(current)[:30]) if current else [],
        "daily_bytes": settings.BULK_DAILY_BYTES,
        "days": services.DAYS,
    }
    return render(request, "hub/bulk_own.html", context)


@login_required
@require_POST
def grant_end(request: HttpRequest, number: int) -> HttpResponse:
    grant = selectors.grant_for(request.user, number)
    services.end(grant, by=request.principal)
    messages.success(request, _("The token no longer works."))
    return redirect("bulk_own")


@require_safe
def public_list(request: HttpRequest) -> HttpResponse:
    page = page_of(request, selectors.public_grants(), size=50)
    context = {"page": page, "daily_bytes": settings.BULK_DAILY_BYTES, "days": services.DAYS}
    return render(request, "hub/bulk_list.html", context)
