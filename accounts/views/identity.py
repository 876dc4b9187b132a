"""Who a person is elsewhere: their ORCID iD, typed or confirmed by ORCID (OpenID Connect)."""

from functools import lru_cache

from authlib.integrations.base_client import OAuthError
from authlib.integrations.django_client import DjangoOAuth2App, OAuth
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from requests import RequestException

from accounts.forms import OrcidForm
from accounts.services import identity
from common.errors import Invalid, Refusal, Unavailable
from common.middleware import content_security_policy


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def identity_page(request: HttpRequest) -> HttpResponse:
    form = OrcidForm(request.POST or None, initial={"orcid": request.user.orcid})
    if form.is_valid():
        try:
            identity.set_orcid(form.cleaned_data["orcid"], by=request.principal)
        except Invalid as refusal:
            form.add_error("orcid", str(refusal))
        else:
            messages.success(request, _("The settings are saved."))
            return redirect("identity")
    context = {"form": form, "can_confirm": bool(settings.ORCID_CLIENT_ID), "tab": "identity"}
    response = render(request, "accounts/identity.html", context)
    if settings.ORCID_CLIENT_ID:
        # The browser counts where the answer to a form leads as a target of the form.
        response["Content-Security-Policy"] = content_security_policy(settings.ORCID_ISSUER)
    return response


@login_required
@require_POST
def orcid_start(request: HttpRequest) -> HttpResponse:
    """Off to ORCID, with a state that only this session knows."""
    try:
        return _orcid().authorize_redirect(request, f"{settings.BASE_URL}/settings/identity/orcid")
    except (OAuthError, RequestException) as error:
        raise _unreachable() from error


@login_required
@never_cache
@require_safe
def orcid_return(request: HttpRequest) -> HttpResponse:
    """Back from ORCID; the iD counts only when ORCID's own answer names it."""
    try:
        token = _orcid().authorize_access_token(request)
    except OAuthError as error:
        messages.error(request, _("ORCID did not confirm your iD: %(reason)s") % {"reason": error.description or error})
        return redirect("identity")
    except RequestException as error:
        raise _unreachable() from error
    found = (token.get("userinfo") or {}).get("sub", "")
    try:
        identity.confirm_orcid(str(found), by=request.principal)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("ORCID has confirmed your iD."))
    return redirect("identity")


def _orcid() -> DjangoOAuth2App:
    if not settings.ORCID_CLIENT_ID:
        raise Unavailable(_("This site is not registered with ORCID."), hint=_("You can type your iD instead."))
    return _client(settings.ORCID_ISSUER, settings.ORCID_CLIENT_ID, settings.ORCID_CLIENT_SECRET)


@lru_cache(maxsize=4)
def _client(issuer: str, client_id: str, client_secret: str) -> DjangoOAuth2App:
    """Once per process: it remembers what the issuer says about itself."""
    oauth = OAuth()
    oauth.register(
        "orcid",
        client_id=client_id,
        client_secret=client_secret,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid", "timeout": 10},
    )
    return oauth.create_client("orcid")


def _unreachable() -> Unavailable:
    return Unavailable(_("ORCID cannot be reached now."), hint=_("Try again later."))
