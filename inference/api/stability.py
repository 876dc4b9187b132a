"""/v2beta/stable-image in the shapes of Stability's API: forms in; bytes, or JSON with base64, out."""

import base64
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from PIL.Image import Image

from accounts.principal import Principal
from common.errors import NotFound, Refusal
from common.ids import hex_id
from inference.algorithms import formats, uploads
from inference.api import reading, waiting
from inference.api.refusing import door, nothing_here
from inference.enums import InputKind, Task
from inference.errors import Unprocessable
from inference.models import Picture
from inference.selectors.files import content_of
from inference.services import generations, inputs
from inference.services.planning import Wanted
from inference.services.searching import GROW_MASK, MOST_GROWN, SearchWanted

NUMBERS = ("seed", "strength", "cfg_scale", "grow_mask", "left", "right", "up", "down", "creativity", "steps")
EVERYWHERE = (
    "prompt", "negative_prompt", "seed", "output_format", "style_preset", "model",
    "cfg_scale", "steps", "billed_to",
)  # fmt: skip
FIELDS = {  # of one address alone
    "generate": ("aspect_ratio", "mode", "strength"),
    "inpaint": ("strength", "grow_mask"),
    "outpaint": ("left", "right", "up", "down", "creativity"),
    "search-and-replace": ("search_prompt", "strength", "grow_mask", "finder"),
    "conservative": ("creativity",),
    "fast": (),
}
SERVED = (
    "generate/core, generate/ultra, generate/sd3, edit/inpaint, edit/outpaint, edit/search-and-replace,"
    " upscale/conservative, upscale/fast"
)
NAMES = {
    400: "bad_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    429: "rate_limit_exceeded",
    503: "service_unavailable",
}
SEARCH = "search-and-replace"
MOST_AROUND = 2000  # pixels that one side of an image may grow by
SAID = {"search": "search_prompt"}  # our fields by the names of this API
LEAST_CREATIVE, MOST_CREATIVE = 0.2, 0.5


def _error(refusal: Refusal) -> HttpResponse:
    """`{id, name, errors}`. Bad parameters are 400 there, a prompt against the policy is 403."""
    status = 400 if refusal.status == 422 else refusal.status
    name = NAMES.get(status, refusal.code)
    if refusal.code == "content_policy_violation":
        status, name = 403, "content_moderation"
    field = refusal.context.get("field")
    field = SAID.get(str(field), field)
    text = f"{field}: {refusal}" if field else str(refusal)
    return JsonResponse({"id": hex_id(), "name": name, "errors": [text]}, status=status)


@door(_error, "POST")
def generate(request: HttpRequest, kind: str) -> HttpResponse:
    """`prompt`, `negative_prompt`, `aspect_ratio`, `seed`, `output_format`; with an `image` also `strength`.

    `model` names a repository, or an alias of the operator's; without one the address itself is the alias.
    """
    principal = reading.token_holder(request)
    if kind not in {"core", "ultra", "sd3"}:
        raise _not_served(kind)
    body = _form(request, "generate")
    content = reading.file(request, "image")
    mode = reading.one_of(
        body, "mode", ("text-to-image", "image-to-image"), "image-to-image" if content else "text-to-image"
    )
    if (content is not None) != (mode == "image-to-image"):
        raise Unprocessable(
            _("The mode is %(mode)s.") % {"mode": mode},
            hint=_("Send an image for image-to-image, and none otherwise."),
            field="image",
        )
    if content is None:
        facts: dict[str, Any] = {"ratio": reading.ratio(body, "aspect_ratio")}
    else:
        _require_prompt(body)
        facts = {"image": reading.kept(principal, content, "image"), "strength": reading.real(body, "strength")}
    return _drawn(request, principal, body, alias=kind, **facts)


@door(_error, "POST")
def edit(request: HttpRequest, kind: str) -> HttpResponse:
    """`inpaint` (`image`, and `mask` whose white part is drawn anew, or the transparent part of the image),
    `outpaint` (`image`, `left`, `right`, `up`, `down`) and `search-and-replace` (`image`, `search_prompt`)."""
    principal = reading.token_holder(request)
    if kind not in {"inpaint", "outpaint", SEARCH}:
        raise _not_served(kind)
    body = _form(request, kind)
    content = _image_sent(request)
    if kind == SEARCH:
        _require_prompt(body)
        facts = {"search": _search(body), "strength": reading.real(body, "strength")}
        image = reading.kept(principal, content, "image")
        return _drawn(request, principal, body, alias=kind, task=Task.INPAINTING.value, image=image, **facts)
    given = inputs.read(content, by=principal, field="image")
    if kind == "outpaint":
        drawn, holes = _larger(uploads.as_image(given), body)
        creativity = reading.real(body, "creativity")
        strength = None if creativity is None else (1 + creativity) / 2
    else:
        drawn, holes = given, _mask(request, principal, given, body)
        strength = reading.real(body, "strength")
    image = inputs.keep_drawn(drawn, InputKind.IMAGE, by=principal)
    mask = inputs.keep_drawn(holes, InputKind.MASK, by=principal)
    return _drawn(request, principal, body, alias=kind, image=image, mask=mask, strength=strength)


@door(_error, "POST")
def upscale(request: HttpRequest, kind: str) -> HttpResponse:
    """`conservative` (`image`, `prompt`, `negative_prompt`, `seed`, `creativity`) and `fast` (`image` alone)."""
    principal = reading.token_holder(request)
    if kind not in {"conservative", "fast"}:
        raise _not_served(kind)
    body = _form(request, kind)
    content = _image_sent(request)
    facts: dict[str, Any] = {}
    if kind == "conservative":
        _require_prompt(body)
        if (creativity := reading.real(body, "creativity")) is not None:
            if not LEAST_CREATIVE <= creativity <= MOST_CREATIVE:
                raise reading.wrong("creativity", _("a number from 0.2 to 0.5"))
            facts["noise_level"] = round(1000 * creativity)
    image = reading.kept(principal, content, "image")
    return _drawn(request, principal, body, alias=kind, task=Task.UPSCALE.value, image=image, **facts)


elsewhere = nothing_here(_error, SERVED)


def _form(request: HttpRequest, kind: str) -> dict[str, Any]:
    body = reading.form_body(request, numbers=NUMBERS)
    reading.refuse_unknown(body, EVERYWHERE + FIELDS[kind])
    return body


def _search(body: dict[str, Any]) -> SearchWanted:
    return SearchWanted(
        reading.text(body, "search_prompt"),
        finder=reading.text(body, "finder"),
        grow_mask=reading.whole(body, "grow_mask"),
    )


def _image_sent(request: HttpRequest) -> bytes:
    content = reading.file(request, "image")
    if content is None:
        raise Unprocessable(_("There is no image."), hint=_("Send it as the file “image” of a form."), field="image")
    return content


def _require_prompt(body: dict[str, Any]) -> None:
    if not reading.text(body, "prompt").strip():
        raise Unprocessable(_("The prompt is empty."), hint=_("Say what to draw."), field="prompt")


def _mask(request: HttpRequest, principal: Principal, image: Image, body: dict[str, Any]) -> Image:
    """What is white in it is drawn anew: given, or the transparent part of the image."""
    content = reading.file(request, "mask")
    if content is not None:
        mask = uploads.as_mask(inputs.read(content, by=principal, field="mask"))
    else:
        holes = uploads.holes(image)
        if holes is None:
            raise Unprocessable(
                _("There is no mask, and nothing in the image is transparent."),
                hint=_("Send a mask whose white part is to be drawn anew."),
                field="mask",
            )
        mask = holes
    grow = reading.whole(body, "grow_mask")
    grow = GROW_MASK if grow is None else grow
    if not 0 <= grow <= MOST_GROWN:
        raise reading.wrong("grow_mask", _("a number from 0 to 20"))
    return uploads.grown(mask, grow)


def _larger(image: Image, body: dict[str, Any]) -> tuple[Image, Image]:
    """The image on its larger ground, and the mask of what is new."""
    around = {side: reading.whole(body, side) or 0 for side in ("left", "up", "right", "down")}
    for side, pixels in around.items():
        if not 0 <= pixels <= MOST_AROUND:
            raise reading.wrong(side, _("a number from 0 to 2000"))
    if not any(around.values()):
        raise Unprocessable(
            _("The image would stay as it is."), hint=_("Say by how much: left, right, up or down."), field="left"
        )
    wide = image.width + around["left"] + around["right"]
    if not uploads.is_reasonable(wide, image.height + around["up"] + around["down"]):
        raise Unprocessable(_("The image would be too large."), hint=_("Make it smaller."), field="image")
    return uploads.extended(image, **around)


def _drawn(
    request: HttpRequest, principal: Principal, body: dict[str, Any], *, alias: str, **facts: Any
) -> HttpResponse:
    kind = reading.one_of(body, "output_format", tuple(formats.TYPES), "png")
    if body.get("style_preset"):
        raise Unprocessable(
            _("There are no style presets: prompts are used as they are."),
            hint=_("Say the style in the prompt."),
            field="style_preset",
        )
    key = reading.idempotency_key(request)
    generation = generations.request_generation(
        principal,
        Wanted(
            prompt=reading.text(body, "prompt") if facts.get("image") else reading.prompt(body),
            negative_prompt=reading.text(body, "negative_prompt"),
            # 0 means chance in this API.
            seed=reading.whole(body, "seed") or None,
            steps=reading.whole(body, "steps"),
            guidance=reading.real(body, "cfg_scale"),
            **facts,
        ),
        model=_model_named(reading.text(body, "model") or alias),
        billed=reading.payer(reading.text(body, "billed_to")),
        idempotency_key=key,
    )
    generation = waiting.finished(generation, keep=bool(key), by=principal)
    (picture,) = generation.pictures.all()
    return _answer(request, picture, kind, seed=generation.seed)


def _model_named(name: str) -> str:
    """A repository as it is, or what the operator's alias stands for."""
    if "/" in name:
        return name
    if name not in settings.MODEL_ALIASES:
        raise Unprocessable(
            _("No model stands for “%(name)s” on this site.") % {"name": name[:60]},
            hint=_("Name a repository in the field “model”, as owner/name."),
            field="model",
        )
    return str(settings.MODEL_ALIASES[name])


def _answer(request: HttpRequest, picture: Picture, kind: str, *, seed: int) -> HttpResponse:
    content = formats.encoded(content_of(picture.path), kind)
    response: HttpResponse
    if "application/json" in request.headers.get("Accept", ""):
        image = base64.b64encode(content).decode()
        response = JsonResponse({"image": image, "finish_reason": "SUCCESS", "seed": seed})
    else:
        response = HttpResponse(content, content_type=formats.TYPES[kind])
    response["finish-reason"] = "SUCCESS"
    response["seed"] = str(seed)
    response["X-Generation-Id"] = picture.generation_id
    response["Cache-Control"] = "no-store"
    return response


def _not_served(kind: str) -> Refusal:
    return NotFound(
        _("No model on this site does this: %(kind)s.") % {"kind": kind[:60]},
        hint=_("Served are %(addresses)s.") % {"addresses": SERVED},
        code="not_served",
    )
