"""A person's webhooks as pages."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from common.errors import Refusal
from common.pagination import page_of
from hub import tasks
from hub.forms import WebhookForm
from hub.selectors import webhooks as selectors
from hub.services import deliveries
from hub.services import webhooks as services


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_list(request: HttpRequest) -> HttpResponse:
    by = request.principal
    services.require_person(by)
    form = WebhookForm(request.POST or None, initial={"repo": True, "discussion": True})
    if form.is_valid():
        try:
            made = services.create(by=by, secret=form.cleaned_data["secret"], **form.settings())
        except Refusal as refusal:
            form.add_error("url", str(refusal))
        else:
            messages.success(request, _("The webhook is made. What happens from now on is posted to it."))
            return redirect("webhook", key=made.key)
    return render(request, "hub/webhooks.html", {"form": form, "webhooks": selectors.webhooks_of(by)})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_page(request: HttpRequest, key: str) -> HttpResponse:
    by = request.principal
    services.require_person(by)
    webhook = selectors.webhook_for(by, key)
    form = WebhookForm(request.POST or None, initial=WebhookForm.initial_of(webhook), is_new=False)
    if form.is_valid():
        try:
            services.update(webhook, by=by, secret=form.new_secret(), **form.settings())
        except Refusal as refusal:
            form.add_error("url", str(refusal))
        else:
            messages.success(request, _("The settings are saved."))
            return redirect("webhook", key=key)
    page = page_of(request, selectors.deliveries_of(webhook), size=30)
    return render(request, "hub/webhook.html", {"webhook": webhook, "form": form, "page": page})


@login_required
@require_POST
def webhook_act(request: HttpRequest, key: str) -> HttpResponse:
    """The buttons of the page: enable, disable, delete."""
    by = request.principal
    webhook = selectors.webhook_for(by, key)
    match request.POST.get("act"):
        case "delete":
            services.delete(webhook, by=by)
            messages.success(request, _("The webhook is deleted."))
            return redirect("webhook_list")
        case "enable" | "disable" as act:
            services.switch(webhook, by=by, on=act == "enable")
    return redirect("webhook", key=key)


@login_required
@require_POST
def delivery_again(request: HttpRequest, key: str, delivery: str) -> HttpResponse:
    webhook = selectors.webhook_for(request.principal, key)
    try:
        deliveries.send_again(selectors.delivery_of(webhook, delivery), by=request.principal)
    except Refusal as refusal:
        if refusal.status != 409:
            raise
        messages.error(request, str(refusal))
    else:
        tasks.send_webhooks.delay()
        messages.success(request, _("It is on its way again."))
    return redirect("webhook", key=key)
