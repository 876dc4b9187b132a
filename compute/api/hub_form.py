"""The form in which clients of the Hub read refusals, and JSON bodies."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from common.errors import Invalid, Refusal, Unauthenticated

Handler = Callable[..., HttpResponse]


def hub_api(view: Handler) -> Handler:
    """Answer refusals as `{"error": "what; what to do"}` with the headers that clients print."""

    @wraps(view)
    def handle(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Refusal as refusal:
            return refusal_in_hub_form(refusal)

    return handle


def refusal_in_hub_form(refusal: Refusal) -> HttpResponse:
    # Clients show `error` only, so the advice belongs in it.
    response = JsonResponse({"error": str(refusal), "code": refusal.code}, status=refusal.status)
    # One line: the text may quote what the client sent.
    response["X-Error-Message"] = " ".join(str(refusal).split()).encode("ascii", "replace").decode()
    if isinstance(refusal, Unauthenticated):
        response["WWW-Authenticate"] = 'Bearer realm="Wellspring"'
    if "retry_after" in refusal.context:
        response["Retry-After"] = str(refusal.context["retry_after"])
    return response


def require_person(request: HttpRequest) -> None:
    if request.principal.is_anonymous:  # type: ignore[attr-defined]
        raise Unauthenticated(
            _("Jobs need a log-in."), hint=_("Make a token at /settings/tokens and set HF_TOKEN, or run hf auth login.")
        )


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the body. Raises Invalid."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as error:
        raise Invalid(_("The body is not JSON."), hint=str(error)) from error
    if not isinstance(body, dict):
        raise Invalid(_("The body must be a JSON object."))
    return body
