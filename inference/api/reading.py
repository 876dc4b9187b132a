"""Reading what clients send: JSON bodies and forms with typed members, refused with the member's name."""

import base64
import binascii
import json
import math
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from accounts.selectors import namespace_named
from common.errors import Invalid, Unauthenticated
from inference import selectors
from inference.algorithms import uploads
from inference.enums import InputKind
from inference.errors import Unprocessable
from inference.models import InputImage
from inference.services import inputs
from inference.services.planning import LoraWanted, input_named


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of the body. Raises Invalid (400)."""
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Invalid(
            _("The body is not JSON."), hint=_("Send a JSON object with Content-Type: application/json.")
        ) from error
    if not isinstance(value, dict):
        raise Invalid(_("The body must be a JSON object."))
    return value


def form_body(request: HttpRequest, *, numbers: Iterable[str]) -> dict[str, Any]:
    """The fields of a form as a JSON body would say them: those named in `numbers` as numbers. Raises Invalid (400)."""
    if request.content_type not in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        raise Invalid(_("The body is no form."), hint=_("Send it as multipart/form-data."))
    try:
        fields = request.POST
    except MultiPartParserError as error:
        raise Invalid(_("The form is damaged."), hint=_("Send it as multipart/form-data.")) from error
    body: dict[str, Any] = {name: value for name, value in fields.items() if value != ""}
    for name in numbers:
        if name in body:
            body[name] = _number(body[name])
    return body


def file(request: HttpRequest, *names: str) -> bytes | None:
    """The bytes of the one file of a form under one of these names; None when there is none."""
    files = [one for name in names for one in request.FILES.getlist(name)]
    if len(files) > 1:
        raise Unprocessable(_("Only one image can be given."), hint=_("Send one."), field=names[0])
    if not files:
        return None
    content: bytes = files[0].read(uploads.MAX_BYTES + 1)
    return content


def image(
    principal: Principal, body: dict[str, Any], name: str, *, kind: InputKind = InputKind.IMAGE
) -> InputImage | None:
    """Base64 (also as a data: address), the id of an image that was given before, or that of a picture drawn here."""
    value = text(body, name)
    if not value:
        return None
    if re.fullmatch(r"[0-9a-f]{24}", value):
        return _known_image(principal, value, name, kind)
    return kept(principal, decoded(value, name), name, kind=kind)


def kept(principal: Principal, content: bytes, name: str, *, kind: InputKind = InputKind.IMAGE) -> InputImage:
    keep = inputs.keep_mask if kind == InputKind.MASK else inputs.keep_image
    return keep(content, by=principal, field=name)


def decoded(value: str, name: str) -> bytes:
    """Base64 in any of its spellings, with or without `data:image/png;base64,` before it."""
    plain = value.partition(",")[2] if value.startswith("data:") else value
    try:
        return base64.b64decode(plain.translate(str.maketrans("-_", "+/")) + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise wrong(name, _("an image in base64, or the id of one")) from error


def _known_image(principal: Principal, key: str, name: str, kind: InputKind) -> InputImage:
    picture = selectors.picture_seen_by(principal, key) if kind == InputKind.IMAGE else None
    if picture is not None:
        return inputs.keep_picture(picture, by=principal)
    return input_named(principal, key, name)


def loras(body: dict[str, Any], name: str = "loras") -> tuple[LoraWanted, ...]:
    """A list of `{"model", "scale", "revision"}`, or of names."""
    value = body.get(name) or []
    if not isinstance(value, list):
        raise wrong(name, _("a list"))
    found = []
    for one in value:
        facts = {"model": one} if isinstance(one, str) else one
        if not isinstance(facts, dict):
            raise wrong(name, _("a list of names or objects"))
        scale = real(facts, "scale")
        found.append(LoraWanted(text(facts, "model"), 1.0 if scale is None else scale, text(facts, "revision", "main")))
    return tuple(found)


def _number(value: str) -> Any:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def text(body: dict[str, Any], name: str, default: str = "") -> str:
    value = body.get(name)
    if value is None:
        return default
    # JSON can spell halves of surrogate pairs; nothing can keep or hash them.
    if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
        raise wrong(name, _("a text"))
    return value


def prompt(body: dict[str, Any]) -> str:
    """At doors of pictures alone: without one, a model of sounds would answer. Raises Unprocessable."""
    value = text(body, "prompt")
    if not value.strip():
        raise Unprocessable(_("The prompt is empty."), hint=_("Say what to draw."), field="prompt")
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
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise wrong(name, _("a number"))
    return number


def count(body: dict[str, Any], name: str) -> int:
    """How many pictures; 1 when nothing is said."""
    value = whole(body, name)
    return 1 if value is None else value


def ratio(body: dict[str, Any], name: str) -> tuple[int, int] | None:
    """`16:9`."""
    value = text(body, name)
    if not value:
        return None
    match = re.fullmatch(r"([1-9]\d?):([1-9]\d?)", value)
    if match is None:
        raise wrong(name, _("a ratio such as 16:9"))
    return int(match[1]), int(match[2])


def one_of(body: dict[str, Any], name: str, choices: Iterable[str], default: str) -> str:
    value = text(body, name, default)
    if value not in choices:
        raise wrong(name, _("one of: %(choices)s") % {"choices": ", ".join(choices)})
    return value


def wrong(name: str, kind: str) -> Unprocessable:
    return Unprocessable(
        _("%(field)s must be %(kind)s.") % {"field": name, "kind": kind}, hint=_("Change it and try again."), field=name
    )


def token_holder(request: HttpRequest) -> Principal:
    """Doors without CSRF protection must not trust browser sessions. Raises Unauthenticated."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    if principal.token is None and "Authorization" in request.headers:
        raise Unauthenticated(
            _("The access token is unknown, expired or revoked."), hint=_("Make a new one at /settings/tokens.")
        )
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


def refuse_unknown(body: dict[str, Any], names: Iterable[str]) -> None:
    """A misspelt member must not give another picture than was meant. Raises Unprocessable."""
    known = set(names)
    for name in body:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise Unprocessable(
                _("There is no parameter %(name)s.") % {"name": name[:60]},
                hint=_("Did you mean %(near)s?") % {"near": near[0]} if near else _("Leave it out."),
                field=name[:60],
                code="unknown_parameter",
            )


def idempotency_key(request: HttpRequest) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > 200 or not key.isprintable():
        raise Unprocessable(_("The idempotency key is longer than 200 characters."), field="Idempotency-Key")
    return key
