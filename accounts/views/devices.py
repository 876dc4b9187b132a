"""A person enters the code that a device shows, sees what asks, and says yes or no."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.enums import OAuthScope
from accounts.forms import DeviceForm
from accounts.services import devices
from common.errors import NotFound


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def device_page(request: HttpRequest) -> HttpResponse:
    """An address with a code fills in the code, and no more: who follows a link has not yet decided."""
    form = DeviceForm(request.POST or None, initial={"user_code": request.GET.get("user_code", "")[:20]})
    if not form.is_valid():
        return render(request, "accounts/device.html", {"form": form})
    try:
        device = devices.find(form.cleaned_data["user_code"], by=request.principal)
    except NotFound as refusal:
        form.add_error("user_code", str(refusal))
        return render(request, "accounts/device.html", {"form": form})
    decision = request.POST.get("decision")
    if decision not in {"approve", "deny"}:
        scopes = [OAuthScope(name) for name in device.scopes]
        return render(request, "accounts/device_confirm.html", {"device": device, "scopes": scopes})
    devices.decide(device, approve=decision == "approve", by=request.principal)
    if decision == "approve":
        messages.success(request, _("The device is logged in. You may close this page."))
    else:
        messages.success(request, _("The device was turned away."))
    return redirect("connection_list")
