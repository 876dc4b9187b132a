"""Applications: asked for consent, registered, disconnected."""

from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oidc.core.errors import ConsentRequiredError
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import selectors
from accounts.api.oauth_server import server
from accounts.enums import OAuthScope
from accounts.forms import ApplicationForm, ChangeApplicationForm
from accounts.models import Application
from accounts.services import applications, authorisations
from common.errors import Forbidden, Invalid
from common.middleware import content_security_policy


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def authorise(request: HttpRequest) -> HttpResponse:
    """An application sends a person here; the person says yes or no, and goes back."""
    principal = request.principal
    if principal.token is not None:
        raise Forbidden(_("Applications are approved in the browser, by the person they will act for."))
    is_silent = request.GET.get("prompt") == "none"
    if principal.user is None and not is_silent:
        return redirect_to_login(request.get_full_path())
    try:
        grant = server.get_consent_grant(request, end_user=principal.user)
        if is_silent:
            raise ConsentRequiredError(redirect_uri=grant.redirect_uri, state=grant.request.payload.state)
    except OAuth2Error as error:
        return _faulty(request, error)
    if request.method == "POST":
        is_approved = request.POST.get("decision") == "approve"
        answer = server.create_authorization_response(
            grant.request, grant_user=principal.user if is_approved else None, grant=grant
        )
        return _named(answer)
    application = grant.client.application
    scopes = [OAuthScope(name) for name in grant.request.scope.split()]
    context = {
        "application": application,
        "scopes": scopes,
        "target": urlsplit(grant.redirect_uri).hostname or urlsplit(grant.redirect_uri).scheme,
    }
    response = render(request, "accounts/authorise.html", context)
    # The browser counts where the answer to this form leads as a target of the form.
    response["Content-Security-Policy"] = content_security_policy(_origin(grant.redirect_uri))
    return response


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def application_list(request: HttpRequest) -> HttpResponse:
    form = ApplicationForm(request.POST or None, user=request.user)
    made, secret = None, ""
    if form.is_valid():
        chosen = form.cleaned_data
        owner = selectors.namespace_named(chosen.pop("owner"))
        chosen["is_public"] = chosen["is_public"] == "yes"
        try:
            made, secret = applications.register(owner, by=request.principal, **chosen)
        except Invalid as refusal:
            form.add_error("redirect_uris", str(refusal))
        else:
            form = ApplicationForm(user=request.user)
    context = {
        "form": form,
        "applications": selectors.applications_of(request.user),
        "made": made,
        "secret": secret,
        "tab": "applications",
    }
    return render(request, "accounts/applications.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def application_page(request: HttpRequest, client_id: str) -> HttpResponse:
    application = _own(request, client_id)
    form = ChangeApplicationForm(request.POST or None, initial=_as_is(application))
    if form.is_valid():
        try:
            applications.change(application, by=request.principal, **form.cleaned_data)
        except Invalid as refusal:
            form.add_error("redirect_uris", str(refusal))
        else:
            messages.success(request, _("The settings are saved."))
            return redirect(request.path)
    return _application(request, application, form)


@login_required
@never_cache
@require_POST
def application_secret(request: HttpRequest, client_id: str) -> HttpResponse:
    application = _own(request, client_id)
    secret = applications.renew_secret(application, by=request.principal)
    form = ChangeApplicationForm(initial=_as_is(application))
    return _application(request, application, form, secret=secret)


@login_required
@require_POST
def application_delete(request: HttpRequest, client_id: str) -> HttpResponse:
    applications.delete(_own(request, client_id), by=request.principal)
    messages.success(request, _("The application is deleted. Nobody is connected to it any more."))
    return redirect("application_list")


@login_required
@require_safe
def connection_list(request: HttpRequest) -> HttpResponse:
    context = {"connections": selectors.connections_of(request.user), "tab": "connections"}
    return render(request, "accounts/connections.html", context)


@login_required
@require_POST
def disconnect(request: HttpRequest, client_id: str) -> HttpResponse:
    mine = Application.objects.filter(authorisations__user=request.user, client_id=client_id).distinct()
    application = get_object_or_404(mine)
    authorisations.disconnect(request.user, application, by=request.principal)
    messages.success(request, _("The application can no longer act for you."))
    return redirect("connection_list")


def _own(request: HttpRequest, client_id: str) -> Application:
    return get_object_or_404(selectors.applications_of(request.user), client_id=client_id)


def _as_is(application: Application) -> dict[str, object]:
    return {
        "name": application.name,
        "homepage": application.homepage,
        "redirect_uris": "\n".join(application.redirect_uris),
        "scopes": application.scopes,
        "logs_in_devices": application.logs_in_devices,
    }


def _application(
    request: HttpRequest, application: Application, form: ChangeApplicationForm, secret: str = ""
) -> HttpResponse:
    context = {"application": application, "form": form, "secret": secret, "tab": "applications"}
    return render(request, "accounts/application.html", context)


def _faulty(request: HttpRequest, error: OAuth2Error) -> HttpResponse:
    """Back to the application, if it is sure to be the right one; else the person is told here."""
    if error.redirect_uri:
        return _named(server.handle_error_response(request, error))
    raise Invalid(
        _("The application asked in a way that cannot be answered: %(reason)s")
        % {"reason": error.description or error.error},
        hint=_("Tell those who make it. Nothing was given to it."),
        code=error.error,
    )


def _named(response: HttpResponse) -> HttpResponse:
    """Applications that know several providers must see who answers (RFC 9207)."""
    response["Location"] = add_params_to_uri(response["Location"], [("iss", settings.BASE_URL)])
    return response


def _origin(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
