"""POST /v1/images/generations in the shapes of the OpenAI images API; the stock client is the judge."""

import base64
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from common.addresses import absolute
from common.errors import Refusal
from inference.api import reading, waiting
from inference.errors import Unprocessable
from inference.models import Picture
from inference.services import generations
from inference.services.planning import Wanted

TYPES = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error", 429: "rate_limit_error"}
LINK_SALT = "inference.picture"
LINK_SECONDS = 3600

View = Callable[..., HttpResponse]


def in_openai_form(view: View) -> View:
    """Refusals as `{"error": {message, type, param, code}}`. Bad parameters are 400 there, not 422."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Refusal as refusal:
            return _error(refusal)

    return answer


@csrf_exempt
@require_POST
@in_openai_form
def images_generations(request: HttpRequest) -> HttpResponse:
    """Body `{model, prompt, n, size, response_format}` and, as extensions, `seed`, `steps`, `guidance`,
    `negative_prompt`, `billed_to`. The prompt is used as it is, so `revised_prompt` is never sent."""
    principal = reading.token_holder(request)
    body = reading.json_body(request)
    form = reading.text(body, "response_format", "url")
    if form not in {"url", "b64_json"}:
        raise Unprocessable(_("response_format must be url or b64_json."), field="response_format")
    key = reading.idempotency_key(request)
    generation = generations.request_generation(
        principal,
        _wanted(body),
        model=reading.text(body, "model"),
        billed=reading.payer(reading.text(body, "billed_to")),
        idempotency_key=key,
    )
    generation = waiting.finished(generation, keep=bool(key), by=principal)
    pictures = [_datum(request, picture, form) for picture in generation.pictures.all()]
    return JsonResponse({"created": int(generation.finished_at.timestamp()), "data": pictures})


def signed_link(request: HttpRequest, picture: Picture) -> str:
    """An address that shows this one private picture to whoever has it, for an hour."""
    proof = signing.dumps(picture.pk, salt=LINK_SALT)
    return absolute(f"{picture.get_absolute_url()}?proof={proof}")


def link_is_good(picture: Picture, proof: str) -> bool:
    try:
        return bool(signing.loads(proof, salt=LINK_SALT, max_age=LINK_SECONDS) == picture.pk)
    except signing.BadSignature:
        return False


def _wanted(body: dict[str, Any]) -> Wanted:
    width, height = _size(reading.text(body, "size", "auto"))
    count = reading.whole(body, "n")
    return Wanted(
        prompt=reading.text(body, "prompt"),
        negative_prompt=reading.text(body, "negative_prompt"),
        seed=reading.whole(body, "seed"),
        steps=reading.whole(body, "steps"),
        guidance=reading.real(body, "guidance"),
        width=width,
        height=height,
        count=1 if count is None else count,
    )


def _size(text: str) -> tuple[int | None, int | None]:
    if text == "auto":
        return None, None
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None:
        raise Unprocessable(_("size must look like 512x512, or be auto."), field="size")
    return int(match[1]), int(match[2])


def _datum(request: HttpRequest, picture: Picture, form: str) -> dict[str, str]:
    if form == "b64_json":
        return {"b64_json": base64.b64encode(picture.path.read_bytes()).decode()}
    return {"url": signed_link(request, picture)}


def _error(refusal: Refusal) -> HttpResponse:
    status = 400 if refusal.status == 422 else refusal.status
    error = {
        "message": str(refusal),
        "type": TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
        "param": refusal.context.get("field"),
        "code": refusal.code,
    }
    response = JsonResponse({"error": error}, status=status)
    if "retry_after" in refusal.context:
        response["Retry-After"] = str(refusal.context["retry_after"])
    return response
