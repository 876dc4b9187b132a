"""/v1/images and /v1/models in the shapes of the OpenAI API; the stock client is the judge."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.addresses import absolute
from common.errors import NotFound, Refusal
from common.places import HeldStream
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors import repository_for
from inference import selectors
from inference.algorithms import formats, uploads
from inference.algorithms.profiles import MAX_PICTURES
from inference.api import reading, waiting
from inference.api.refusing import door, nothing_here
from inference.enums import InputKind, Task
from inference.errors import Unprocessable
from inference.models import Generation, Picture
from inference.selectors.files import content_of
from inference.services import generations, inputs
from inference.services.planning import Wanted

TYPES = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error", 429: "rate_limit_error"}
LINK_SALT = "inference.picture"
LINK_SECONDS = 3600
STREAM_SECONDS = 600
MAX_PARTIAL = 3
MODELS_SHOWN = 1000
# How far a variation may go from its image without a word about it; 0 keeps it, 1 ignores it.
VARIATION_STRENGTH = 0.5
NUMBERS = (
    "n", "seed", "steps", "guidance", "strength", "image_guidance", "partial_images", "output_compression", "deadline",
)  # fmt: skip


# What its clients may send; those of the last line change nothing.
MEMBERS = (
    "model", "prompt", "n", "size", "response_format", "output_format", "output_compression", "background", "stream",
    "partial_images", "seed", "steps", "guidance", "negative_prompt", "scheduler", "loras", "step_reuse", "strength",
    "image_guidance", "billed_to", "deadline",
    "quality", "style", "moderation", "user", "input_fidelity",
)  # fmt: skip
CODES = {"RepoNotFound": "model_not_found", "unauthenticated": "invalid_api_key"}
SAID = {"task": "model", "count": "n", "width": "size", "height": "size"}  # our fields by the names of this API


def _error(refusal: Refusal) -> HttpResponse:
    """`{"error": {message, type, param, code}}`. Bad parameters are 400 there, not 422."""
    status = 400 if refusal.status == 422 else refusal.status
    field = refusal.context.get("field")
    error = {
        "message": str(refusal),
        "type": TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
        "param": SAID.get(str(field), field),
        "code": CODES.get(refusal.code, refusal.code),
    }
    return JsonResponse({"error": error}, status=status)


@door(_error, "POST")
def images_generations(request: HttpRequest) -> HttpResponseBase:
    """Body `{model, prompt, n, size, response_format, output_format, output_compression, stream, partial_images}`
    and, as extensions, `seed`, `steps`, `guidance`, `negative_prompt`, `scheduler`, `loras`, `step_reuse`, `billed_to`,
    `deadline`. The prompt is used as it is, so `revised_prompt` is never sent."""
    principal = reading.token_holder(request)
    body = reading.json_body(request)
    return _drawn(request, principal, body, _wanted(body | {"prompt": reading.prompt(body)}), event="image_generation")


@door(_error, "POST")
def images_edits(request: HttpRequest) -> HttpResponseBase:
    """A form with `image`, `prompt` and at will `mask`, whose transparent part is drawn anew. Without a mask that of
    the image counts; an image without any is redrawn, or edited by a model that edits by instruction."""
    principal = reading.token_holder(request)
    body = reading.form_body(request, numbers=NUMBERS)
    content = reading.file(request, "image", "image[]")
    if content is None:
        raise Unprocessable(_("There is no image."), hint=_("Send it as the file “image” of a form."), field="image")
    _require_prompt(body)
    image = inputs.read(content, by=principal, field="image")
    mask_content = reading.file(request, "mask")
    if mask_content is not None:
        mask = inputs.keep_mask_of_alpha(mask_content, by=principal)
    else:
        holes = uploads.holes(image)
        mask = None if holes is None else inputs.keep_drawn(holes, InputKind.MASK, by=principal)
    kept = inputs.keep_drawn(image, InputKind.IMAGE, by=principal)
    facts = {"strength": reading.real(body, "strength"), "image_guidance": reading.real(body, "image_guidance")}
    return _drawn(request, principal, body, _wanted(body, image=kept, mask=mask, **facts), event="image_edit")


@door(_error, "POST")
def images_variations(request: HttpRequest) -> HttpResponseBase:
    """A form with `image`, `model`, `n`, `size`, `response_format`: the image is redrawn without words. `strength` and
    the other extensions of generations are taken, a `prompt` too."""
    principal = reading.token_holder(request)
    body = reading.form_body(request, numbers=NUMBERS)
    content = reading.file(request, "image")
    if content is None:
        raise Unprocessable(_("There is no image."), hint=_("Send it as the file “image” of a form."), field="image")
    strength = reading.real(body, "strength")
    facts = {
        "task": Task.IMAGE_TO_IMAGE.value,
        "image": reading.kept(principal, content, "image"),
        "strength": VARIATION_STRENGTH if strength is None else strength,
    }
    return _drawn(request, principal, body, _wanted(body, **facts), event="image_variation")


@door(_error, "GET", "HEAD")
def models(request: HttpRequest) -> HttpResponse:
    """The models that make pictures and that the asker may use."""
    found = selectors.models_for(reading.token_holder(request))[:MODELS_SHOWN]
    return JsonResponse({"object": "list", "data": [_model(one) for one in found]})


@door(_error, "GET", "HEAD")
def model(request: HttpRequest, name: str) -> HttpResponse:
    principal = reading.token_holder(request)
    found = repository_for(principal, RepositoryKind.MODEL, name)
    if not selectors.models_for(principal).filter(pk=found.pk).exists():
        raise NotFound(
            _("%(model)s makes no pictures, or is not yours to use.") % {"model": found.full_name},
            hint=_("Name one of GET /v1/models."),
        )
    return JsonResponse(_model(found))


elsewhere = nothing_here(_error, "/v1/images/generations, /v1/images/edits, /v1/images/variations, /v1/models")


def signed_link(request: HttpRequest, picture: Picture, kind: str = "png") -> str:
    """An address that shows this one private picture to whoever has it, for an hour."""
    proof = signing.dumps(picture.pk, salt=LINK_SALT)
    form = "" if kind == "png" else f"&format={kind}"
    return absolute(f"{picture.get_absolute_url()}?proof={proof}{form}")


def link_is_good(picture: Picture, proof: str) -> bool:
    try:
        return bool(signing.loads(proof, salt=LINK_SALT, max_age=LINK_SECONDS) == picture.pk)
    except signing.BadSignature:
        return False


def _drawn(
    request: HttpRequest, principal: Principal, body: dict[str, Any], wanted: Wanted, *, event: str
) -> HttpResponseBase:
    """Ask, and answer with the pictures; or with events when the client wants to see them grow."""
    reading.refuse_unknown(body, MEMBERS)
    output = _Output(body)
    key = reading.idempotency_key(request)
    generation = generations.request_generation(
        principal,
        wanted,
        model=_name_of_model(body),
        billed=reading.payer(reading.text(body, "billed_to")),
        idempotency_key=key,
        deadline=reading.whole(body, "deadline"),
    )
    if output.is_stream:
        try:
            events = HeldStream(
                output.events(generation, event, principal, keep=bool(key)), waiting.places, waiting.too_many()
            )
        except Refusal:
            if not key:
                waiting.let_go_of(generation, principal)
            raise
        response = StreamingHttpResponse(events, content_type="text/event-stream")
        response["Cache-Control"] = "no-cache"
        response["X-Accel-Buffering"] = "no"
        return response
    generation = waiting.finished(generation, keep=bool(key), by=principal)
    assert generation.finished_at is not None
    data = [output.datum(request, picture) for picture in generation.pictures.all()]
    return JsonResponse({"created": int(generation.finished_at.timestamp()), "data": data} | output.facts(generation))


class _Output:
    """How the pictures are to be answered. Raises Unprocessable for what is not offered."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.form = reading.one_of(body, "response_format", ("url", "b64_json"), "url")
        self.kind = reading.one_of(body, "output_format", tuple(formats.TYPES), "png")
        quality = reading.whole(body, "output_compression")
        self.quality = formats.QUALITY if quality is None else quality
        if not 0 <= self.quality <= 100:
            raise reading.wrong("output_compression", _("a number from 0 to 100"))
        reading.one_of(body, "background", ("auto", "opaque"), "auto")
        self.is_stream = body.get("stream") is True or body.get("stream") == "true"
        self.partial = reading.whole(body, "partial_images") or 0
        if not 0 <= self.partial <= MAX_PARTIAL:
            raise reading.wrong("partial_images", _("a number from 0 to 3"))

    def datum(self, request: HttpRequest, picture: Picture) -> dict[str, str]:
        if self.form == "b64_json":
            return {"b64_json": self.content(content_of(picture.path))}
        return {"url": signed_link(request, picture, self.kind)}

    def content(self, png: bytes) -> str:
        return base64.b64encode(formats.encoded(png, self.kind, quality=self.quality)).decode()

    def facts(self, generation: Generation) -> dict[str, Any]:
        size = f"{generation.width}x{generation.height}"
        return {"background": "opaque", "output_format": self.kind, "size": size}

    def events(self, generation: Generation, event: str, by: Principal, *, keep: bool) -> Iterator[bytes]:
        """Up to `partial` previews of the first picture, then every picture, or the error that ended it."""
        told = 0
        try:
            for latest in waiting.watch(generation.pk, seconds=STREAM_SECONDS):
                generation = latest
                due = (told + 1) * generation.steps_total <= (self.partial + 1) * generation.steps_done
                if told < self.partial and due and not generation.is_final and (preview := _preview(generation)):
                    yield self._event(f"{event}.partial_image", generation, preview, partial_image_index=told)
                    told += 1
                waiting.let_go()
            try:
                generation = waiting.ended(generation, keep=keep, by=by)
                for picture in generation.pictures.all():
                    yield self._event(f"{event}.completed", generation, content_of(picture.path))
            except Refusal as refusal:
                yield _sent("error", json.loads(_error(refusal).content))
        finally:
            if not keep and not generation.is_final:
                waiting.let_go_of(generation, by)

    def _event(self, kind: str, generation: Generation, png: bytes, **more: Any) -> bytes:
        created = int((generation.finished_at or generation.created_at).timestamp())
        facts = {"type": kind, "b64_json": self.content(png), "created_at": created, "quality": "auto"}
        return _sent(kind, facts | self.facts(generation) | more)


def _preview(generation: Generation) -> bytes | None:
    if not selectors.may_preview(generation):
        return None
    try:
        return generation.preview_path.read_bytes()
    except FileNotFoundError:
        return None


def _sent(name: str, facts: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(facts)}\n\n".encode()


def _name_of_model(body: dict[str, Any]) -> str:
    name = reading.text(body, "model")
    if not name:
        raise Unprocessable(_("No model is named."), hint=_("Name one of GET /v1/models."), field="model")
    return name


def _require_prompt(body: dict[str, Any]) -> None:
    if not reading.text(body, "prompt").strip():
        raise Unprocessable(
            _("The prompt is empty."), hint=_("Say what to draw; without words ask for variations."), field="prompt"
        )


def _wanted(body: dict[str, Any], **more: Any) -> Wanted:
    width, height = _size(reading.text(body, "size", "auto"))
    return Wanted(
        prompt=reading.text(body, "prompt"),
        negative_prompt=reading.text(body, "negative_prompt"),
        seed=reading.whole(body, "seed"),
        steps=reading.whole(body, "steps"),
        guidance=reading.real(body, "guidance"),
        width=width,
        height=height,
        count=_count(body),
        scheduler=reading.text(body, "scheduler"),
        loras=reading.loras(body),
        step_reuse=reading.text(body, "step_reuse"),
        **more,
    )


def _count(body: dict[str, Any]) -> int:
    count = reading.count(body, "n")
    if not 1 <= count <= MAX_PICTURES:
        raise reading.wrong("n", _("a number from 1 to %(most)d") % {"most": MAX_PICTURES})
    return count


def _size(text: str) -> tuple[int | None, int | None]:
    if text == "auto":
        return None, None
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None:
        raise Unprocessable(_("size must look like 512x512, or be auto."), field="size")
    return int(match[1]), int(match[2])


def _model(repository: Repository) -> dict[str, Any]:
    return {
        "id": repository.full_name,
        "object": "model",
        "created": int(repository.created_at.timestamp()),
        "owned_by": repository.namespace.name,
    }
