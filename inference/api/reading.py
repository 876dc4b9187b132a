"""Reading what clients send: JSON bodies with typed members, refused with the member's name."""

import json
import math
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from accounts.selectors import namespace_named
from common.errors import Invalid, Unauthenticated
from inference.errors import Unprocessable


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the body. Raises Invalid (400)."""
    try:
        value = json.loads(request.body)
    except ValueError as error:
        raise Invalid(
            _("The body is not JSON."), hint=_("Send a JSON object with Content-Type: application/json.")
        ) from error
    if not isinstance(value, dict):
        raise Invalid(_("The body must be a JSON object."))
    return value


def text(body: dict[str, Any], name: str, default: str = "") -> str:
    value = body.get(name)
    if value is None:
        return default
    # JSON can spell halves of surrogate pairs; nothing can keep or hash them.
    if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
        raise wrong(name, _("a text"))
    return value


def whole(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise wrong(name, _("a whole number"))
    return value


def real(body: dict[str, Any], name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise wrong(name, _("a number"))
    return float(value)


def wrong(name: str, kind: str) -> Unprocessable:
    return Unprocessable(
        _("%(field)s must be %(kind)s.") % {"field": name, "kind": kind}, hint=_("Change it and try again."), field=name
    )


def token_holder(request: HttpRequest) -> Principal:
    """Doors without CSRF protection must not trust browser sessions. Raises Unauthenticated."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    if principal.token is None:
        raise Unauthenticated(
            _("This address needs an access token."),
            hint=_("Make one at /settings/tokens and send it as: Authorization: Bearer hf_…"),
        )
    return principal


def payer(name: str) -> Namespace | None:
    """Who is to be billed, by name; None when nobody was named."""
    if not name:
        return None
    namespace = namespace_named(name)
    if namespace is None:
        raise Unprocessable(
            _("There is nobody called %(name)s.") % {"name": name},
            hint=_("Name yourself or an organisation you belong to."),
            field="billed_to",
        )
    return namespace


def idempotency_key(request: HttpRequest) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > 200 or not key.isprintable():
        raise Unprocessable(_("The idempotency key is longer than 200 characters."), field="Idempotency-Key")
    return key
