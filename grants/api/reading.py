"""Reading JSON requests, with sentences for what is wrong in them."""

import json
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from accounts.models import Namespace, User
from accounts.selectors import active_user_named, namespace_named
from common.errors import Invalid, NotFound, Unauthenticated


def require_person(request: HttpRequest) -> None:
    """Raises Unauthenticated for anonymous requests."""
    if request.principal.is_anonymous:
        raise Unauthenticated(
            _("This needs an access token."), hint=_("Make one at /settings/tokens and send it as a Bearer token.")
        )


def body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the request; an empty body is an empty object."""
    if not request.body:
        return {}
    try:
        values = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Invalid(_("The body is not JSON.")) from error
    if not isinstance(values, dict):
        raise Invalid(_("The body must be a JSON object."))
    return values


def text(values: dict[str, Any], name: str, default: str | None = None) -> str:
    value = values.get(name, default)
    if not isinstance(value, str) or "\x00" in value:
        raise Invalid(_("“%(name)s” must be a text.") % {"name": name}, field=name)
    return value


def whole(values: dict[str, Any], name: str, default: int | None = None) -> int:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**62:
        raise Invalid(_("“%(name)s” must be a whole number.") % {"name": name}, field=name)
    return value


def flag(values: dict[str, Any], name: str, *, default: bool) -> bool:
    value = values.get(name, default)
    if not isinstance(value, bool):
        raise Invalid(_("“%(name)s” must be true or false.") % {"name": name}, field=name)
    return value


def texts(values: dict[str, Any], name: str) -> tuple[str, ...]:
    value = values.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and "\x00" not in item for item in value):
        raise Invalid(_("“%(name)s” must be a list of texts.") % {"name": name}, field=name)
    return tuple(value)


def answers(values: dict[str, Any]) -> dict[str, str]:
    value = values.get("answers", {})
    if not isinstance(value, dict) or not all(isinstance(item, str) and "\x00" not in item for item in value.values()):
        raise Invalid(_("“%(name)s” must be an object of texts.") % {"name": "answers"}, field="answers")
    return value


def moment(values: dict[str, Any], name: str) -> datetime | None:
    value = values.get(name)
    if value is None:
        return None
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise Invalid(_("“%(name)s” must be a time such as 2026-12-31T12:00:00Z.") % {"name": name}, field=name)
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def moment_or_now(values: dict[str, Any], name: str) -> datetime | None:
    """The same; the word `now` means this moment."""
    return timezone.now() if values.get(name) == "now" else moment(values, name)


def day(values: dict[str, Any], name: str) -> date | None:
    value = values.get(name)
    if value is None:
        return None
    try:
        found = parse_date(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None:
        raise Invalid(_("“%(name)s” must be a day such as 2026-12-31.") % {"name": name}, field=name)
    return found


def choice(values: dict[str, Any], name: str, kind: Any) -> Any:
    value = values.get(name)
    if value not in kind.values:
        allowed = ", ".join(kind.values)
        raise Invalid(_("“%(name)s” must be one of: %(allowed)s.") % {"name": name, "allowed": allowed}, field=name)
    return kind(value)


def namespace(request: HttpRequest, values: dict[str, Any]) -> Namespace:
    """The name to act under; the person's own when none is given."""
    name = text(values, "namespace", request.principal.user.username)
    found = namespace_named(name)
    if found is None:
        raise NotFound(_("There is nobody called %(name)s.") % {"name": name})
    return found


def person(name: str) -> User:
    user = active_user_named(name)
    if user is None:
        raise NotFound(_("There is nobody called %(name)s.") % {"name": name})
    return user
