"""Certificates for everybody: the public page, the file, the check, and the revocation list."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common import signing
from common.errors import Refusal
from licensing import rules
from licensing.forms import VerifyForm
from licensing.models import Certificate
from licensing.selectors import certificate_named, may_see_holder
from licensing.services import certificates


@never_cache
@require_safe
def certificate_page(request: HttpRequest, jti: str) -> HttpResponse:
    return _page(request, certificate_named(jti))


def _page(request: HttpRequest, certificate: Certificate, *, was_shown: bool = False) -> HttpResponse:
    context = {
        "certificate": certificate,
        "grant": certificate.grant,
        "offer": certificate.grant.offer,
        "claims": signing.verify(certificate.jws, ignore_times=True)["lic"],
        "status": certificates.status_of(certificate),
        "sees_holder": was_shown or may_see_holder(request.principal, certificate),
        "was_shown": was_shown,
        "may_decide": rules.may_buy_for(request.principal, certificate.grant.holder),
    }
    return render(request, "licensing/certificate.html", context)


@require_safe
def certificate_file(request: HttpRequest, jti: str) -> HttpResponse:
    """The signed text. It names the holder, so only those who may see the holder get it."""
    certificate = certificate_named(jti)
    if not may_see_holder(request.principal, certificate):
        raise certificates.hidden()
    response = HttpResponse(certificate.jws + "\n", content_type="application/jose; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="certificate-{jti}.jws"'
    return response


@login_required
@require_POST
def certificate_visibility(request: HttpRequest, jti: str) -> HttpResponse:
    certificate = certificate_named(jti)
    certificates.show_holder(certificate, show=request.POST.get("show") == "yes", by=request.principal)
    return redirect(certificate)


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Paste a certificate; whoever holds its text is shown what stands in it, its holder too."""
    form = VerifyForm(request.POST or None)
    if form.is_valid():
        try:
            certificate = certificates.read(form.cleaned_data["certificate"])
        except Refusal as refusal:
            form.add_error("certificate", str(refusal))
        else:
            return _page(request, certificate, was_shown=True)
    return render(request, "licensing/verify.html", {"form": form})


@require_safe
def revocations(request: HttpRequest) -> JsonResponse:
    """The list as plain JSON, and the same claims signed (`jws`)."""
    claims = certificates.revocation_list()
    response = JsonResponse(claims | {"jws": signing.sign(claims)})
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "public, max-age=60"
    return response
