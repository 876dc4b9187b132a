"""What happens around every request, whatever room answers it."""

import re
import secrets
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from common.errors import Invalid, Refusal, Unauthenticated
from common.logs import set_request_id

Handler = Callable[[HttpRequest], HttpResponse]
_ID = re.compile(r"[^A-Za-z0-9._:=;-]")

_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:{objects}; media-src 'self'{objects}; connect-src 'self'{objects}; "
    "style-src 'self'; script-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'{payments}"
)


def request_id(get_response: Handler) -> Handler:
    """Adopt the client's request id, or make one; it is in every log line and on every answer."""

    def handle(request: HttpRequest) -> HttpResponse:
        # Not `request.headers`: most requests need it nowhere else, and making it takes longer than all this.
        given = request.META.get("HTTP_X_REQUEST_ID") or request.META.get("HTTP_X_AMZN_TRACE_ID") or ""
        identifier = _ID.sub("", given)[:128] or secrets.token_hex(8)
        request.request_id = identifier  # type: ignore[attr-defined]
        set_request_id(identifier)
        response = get_response(request)
        response["X-Request-Id"] = identifier
        return response

    return handle


def language(get_response: Handler) -> Handler:
    """The language of the cookie, else of the client. Django's own middleware looks for one in addresses too, twice
    for each request; no address here has one."""

    def handle(request: HttpRequest) -> HttpResponse:
        translation.activate(translation.get_language_from_request(request))
        request.LANGUAGE_CODE = spoken = translation.get_language()
        response = get_response(request)
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", spoken)
        return response

    return handle


def strict_slash(get_response: Handler) -> Handler:
    """One address per page: `/models/` is sent to `/models` (reading only)."""

    def handle(request: HttpRequest) -> HttpResponse:
        path = request.path_info
        # A prefix of paths in a bucket may end in a slash, and then means less than without.
        keeps_slash = path == "/" or path.startswith(("/admin/", "/static/", "/api/buckets/")) or ".git/" in path
        if request.method in {"GET", "HEAD"} and path.endswith("/") and not keeps_slash and "/resolve/" not in path:
            target = "/" + path.strip("/")
            query = request.META.get("QUERY_STRING")
            return HttpResponsePermanentRedirect(f"{target}?{query}" if query else target)
        return get_response(request)

    return handle


def security_headers(get_response: Handler) -> Handler:
    """A content policy without inline scripts or styles, on every page."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not request.path_info.startswith("/admin/"):
            payments = settings.STRIPE_API_BASE or "https://checkout.stripe.com"
            response.headers.setdefault("Content-Security-Policy", content_security_policy(payments))
        return response

    return handle


def content_security_policy(forms_lead_to: str) -> str:
    """The policy of a page whose forms may also lead to another origin."""
    return _policy(forms_lead_to, settings.OBJECTS_ORIGIN)


@lru_cache(maxsize=64)
def _policy(forms_lead_to: str, objects: str) -> str:
    return _CONTENT_SECURITY_POLICY.format(payments=f" {forms_lead_to}", objects=f" {objects}" if objects else "")


class refusals:  # noqa: N801 - used like the functions above
    """Turns a Refusal raised by a service into the page or JSON that the client reads.

    A NUL, which PostgreSQL cannot hold in a text, is refused here for all views: in addresses
    before anything is looked up, in what a body says when it is.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return refusal_response(request, Invalid(_("An address cannot hold a NUL character.")))
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, ValueError) and "cannot contain NUL (0x00)" in str(exception):
            exception = Invalid(_("A text cannot hold a NUL character."), hint=_("Take it out and send it again."))
        if not isinstance(exception, Refusal):
            return None
        return refusal_response(request, exception)


def refusal_response(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """JSON `{"error", "code", "hint"}` for programs, a page for people."""
    if request.path_info.startswith("/api/") or "text/html" not in request.headers.get("Accept", ""):
        body = {"error": str(refusal.message), "code": refusal.code, "hint": str(refusal.hint)}
        if refusal.context.get("field"):
            body["field"] = str(refusal.context["field"])
        response: HttpResponse = JsonResponse(body, status=refusal.status)
    else:
        response = render(request, "common/refusal.html", {"refusal": refusal}, status=refusal.status)
    if isinstance(refusal, Unauthenticated):
        response["WWW-Authenticate"] = 'Bearer realm="Wellspring"'
    if "retry_after" in refusal.context:
        response["Retry-After"] = str(refusal.context["retry_after"])
    return response
