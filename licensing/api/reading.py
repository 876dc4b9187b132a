"""Reading JSON bodies, with refusals that name the field."""

import json
from enum import StrEnum
from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.selectors import namespace_named
from common.errors import Invalid, NotFound, Unauthenticated

Choice = TypeVar("Choice")


def refuse_anonymous(request: HttpRequest) -> None:
    if request.principal.is_anonymous:
        raise Unauthenticated(_("Log in, or send an access token."), hint=_("Authorization: Bearer hf_…"))


def body_of(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError as error:
        raise Invalid(_("The body is not JSON.")) from error
    if not isinstance(body, dict):
        raise Invalid(_("The body must be a JSON object."))
    return body


def text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise _wrong(name, _("a text"))
    return value


def integer(body: dict[str, Any], name: str, default: int | None = None) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > 2**62:
        raise _wrong(name, _("a whole number"))
    return value


def flag(body: dict[str, Any], name: str, *, default: bool = False) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise _wrong(name, _("true or false"))
    return value


def choice(body: dict[str, Any], name: str, kind: type[Choice], default: StrEnum | str) -> Choice:
    try:
        return kind(body.get(name, default))
    except ValueError as error:
        known = ", ".join(str(one.value) for one in kind)  # type: ignore[attr-defined]
        raise _wrong(name, _("one of %(names)s") % {"names": known}) from error


def strings(body: dict[str, Any], name: str) -> tuple[str, ...]:
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _wrong(name, _("a list of texts"))
    return tuple(value)


def holder(name: str) -> Namespace:
    found = namespace_named(name)
    if found is None:
        raise NotFound(_("There is nobody of this name."), hint=_("Check the field “holder”."), code="unknown_holder")
    return found


def _wrong(name: str, wanted: str) -> Invalid:
    return Invalid(_("The field “%(name)s” must be %(wanted)s.") % {"name": name, "wanted": wanted}, field=name)
