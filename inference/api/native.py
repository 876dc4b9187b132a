"""The native API: ask, look, listen, cancel, fetch. Asynchronous: the answer to asking is 202."""

import json
from collections.abc import Iterator
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.principal import Principal
from common.addresses import absolute
from common.pagination import link_next, page_of
from common.places import HeldStream
from hub.models import Webhook
from hub.selectors.webhooks import webhooks_of
from inference import selectors
from inference.algorithms import pricing
from inference.api import reading, waiting
from inference.enums import FailureCode, GenerationState, InputKind
from inference.errors import Unprocessable
from inference.models import Generation, Picture
from inference.selectors.files import opened
from inference.selectors.safety import policy_in_force
from inference.services import generations, repeating
from inference.services.planning import Wanted
from inference.services.searching import SearchWanted
from licensing.selectors.grants import certificates_of

STREAM_SECONDS = 600
MEMBERS = (
    "model", "revision", "task", "prompt", "negative_prompt", "seed", "steps", "guidance", "width", "height",
    "aspect_ratio", "count", "step_reuse", "scheduler", "strength", "image_guidance", "noise_level", "image", "mask",
    "search", "finder", "finder_revision", "grow_mask", "loras", "seconds", "label", "billed_to", "currency",
    "deadline", "webhook",
)  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def generation_list(request: HttpRequest) -> HttpResponse:
    """GET: one's own, 24 a page. POST: ask for pictures; answers 202 with Location, 422 when the policy refuses."""
    if request.method == "POST":
        return _create(request)
    page = page_of(request, selectors.generations_of(request.principal))
    response: HttpResponse = JsonResponse([shown(request, generation, place=False) for generation in page], safe=False)
    return link_next(request, response, p=page.next_page_number() - 1) if page.has_next() else response


def _create(request: HttpRequest) -> HttpResponse:
    body = reading.json_body(request)
    reading.refuse_unknown(body, MEMBERS)
    generation = generations.request_generation(
        request.principal,
        wanted_from(request.principal, body),
        model=reading.text(body, "model"),
        revision=reading.text(body, "revision", "main"),
        billed=reading.payer(reading.text(body, "billed_to")),
        currency=reading.text(body, "currency", pricing.DEFAULT_CURRENCY),
        idempotency_key=reading.idempotency_key(request),
        deadline=reading.whole(body, "deadline"),
        webhook=_webhook(request, reading.text(body, "webhook")),
    )
    return _asked(request, generation)


def _asked(request: HttpRequest, generation: Generation) -> HttpResponse:
    refused = generation.state == GenerationState.REFUSED
    response = JsonResponse(shown(request, generation), status=422 if refused else 202)
    response["Location"] = absolute(f"/api/generations/{generation.pk}")
    return response


@require_safe
def generation_detail(request: HttpRequest, generation_id: str) -> HttpResponse:
    return JsonResponse(shown(request, selectors.own_generation_for(request.principal, generation_id)))


@require_POST
def generation_cancel(request: HttpRequest, generation_id: str) -> HttpResponse:
    generation = selectors.own_generation_for(request.principal, generation_id)
    return JsonResponse(shown(request, generations.cancel(generation, by=request.principal)))


@require_POST
def generation_again(request: HttpRequest, generation_id: str) -> HttpResponse:
    """The same version, seed and parameters once more; each picture then tells whether it `reproduces` the first."""
    made = repeating.draw_again(
        selectors.generation_for(request.principal, generation_id),
        by=request.principal,
        idempotency_key=reading.idempotency_key(request),
    )
    return _asked(request, made)


@require_safe
def generation_events(request: HttpRequest, generation_id: str) -> HttpResponse:
    """Server-sent events: `progress` at each change, `done` with the whole generation at the end."""
    generation = selectors.own_generation_for(request.principal, generation_id)
    events = HeldStream(_events(request, generation), waiting.places, waiting.too_many())
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


def _events(request: HttpRequest, generation: Generation) -> Iterator[bytes]:
    for latest in waiting.watch(generation.pk, seconds=STREAM_SECONDS):
        name = "done" if latest.is_final else "progress"
        yield f"event: {name}\ndata: {json.dumps(shown(request, latest))}\n\n".encode()
        waiting.let_go()


@require_safe
def prices(request: HttpRequest) -> HttpResponse:
    """The price list and the safety policy, as they are in force."""
    rules = policy_in_force()
    return JsonResponse(
        {
            "version": pricing.RATES_VERSION,
            "unit": "micros of the currency",
            "rates": {name: vars(rate) for name, rate in pricing.RATES.items()},
            "policy": {
                "version": rules.version,
                "about": rules.abouts["en"],
                "categories": [{"code": item.code, "title": item.titles["en"]} for item in rules.categories],
            },
        }
    )


def _webhook(request: HttpRequest, key: str) -> Webhook | None:
    """One of the person's own, by its id."""
    if not key:
        return None
    found = webhooks_of(request.principal).filter(key=key).first()
    if found is None:
        raise Unprocessable(
            _("There is no such webhook among yours."), hint=_("Make one at /settings/webhooks."), field="webhook"
        )
    return found


@require_http_methods(["POST"])
def input_list(request: HttpRequest) -> HttpResponse:
    """Give an image (or `?kind=mask`): the raw bytes, or a form with the file `image`. Answers with its id."""
    kind = request.GET.get("kind", InputKind.IMAGE)
    if kind not in InputKind.values:
        raise reading.wrong("kind", _("image or mask"))
    is_form = request.content_type == "multipart/form-data"
    content = reading.file(request, "image") if is_form else request.body
    given = reading.kept(request.principal, content or b"", "image", kind=InputKind(kind))
    facts = {"id": given.pk, "kind": given.kind, "width": given.width, "height": given.height, "sha256": given.sha256}
    return JsonResponse(facts | {"url": absolute(given.get_absolute_url())}, status=201)


@require_safe
def input_file(request: HttpRequest, key: str) -> HttpResponse:
    """One's own given image, as PNG."""
    given = selectors.input_for(request.principal, key)
    response = FileResponse(opened(given.path), content_type="image/png")
    response["Cache-Control"] = "private, max-age=300"
    return response


def wanted_from(principal: Principal, body: dict[str, Any]) -> Wanted:
    """The members of the native API; those left out take the model's own values."""
    return Wanted(
        prompt=reading.text(body, "prompt"),
        negative_prompt=reading.text(body, "negative_prompt"),
        seed=reading.whole(body, "seed"),
        steps=reading.whole(body, "steps"),
        guidance=reading.real(body, "guidance"),
        width=reading.whole(body, "width"),
        height=reading.whole(body, "height"),
        count=reading.count(body, "count"),
        task=reading.text(body, "task"),
        scheduler=reading.text(body, "scheduler"),
        strength=reading.real(body, "strength"),
        image_guidance=reading.real(body, "image_guidance"),
        noise_level=reading.whole(body, "noise_level"),
        image=reading.image(principal, body, "image"),
        mask=reading.image(principal, body, "mask", kind=InputKind.MASK),
        search=_search(body),
        loras=reading.loras(body),
        ratio=reading.ratio(body, "aspect_ratio"),
        step_reuse=reading.text(body, "step_reuse"),
        seconds=reading.real(body, "seconds"),
        label=reading.text(body, "label"),
    )


def _search(body: dict[str, Any]) -> SearchWanted | None:
    """Words instead of a mask."""
    words = reading.text(body, "search")
    if not words:
        return None
    return SearchWanted(
        words,
        finder=reading.text(body, "finder"),
        revision=reading.text(body, "finder_revision", "main"),
        grow_mask=reading.whole(body, "grow_mask"),
    )


def shown(request: HttpRequest, generation: Generation, *, place: bool = True) -> dict[str, Any]:
    """A generation as JSON. Prices in micros; pictures only when it succeeded.

    `place` in the queue costs a query for those that wait; lists leave it out.
    """
    answer: dict[str, Any] = {
        "id": generation.pk,
        "state": generation.state,
        **generation.parameters,
        "licence": generation.licence,
        "billed_to": generation.billed.name,
        "billing": generation.billing,
        "price": generation.price,
        "currency": generation.currency,
        "policy": generation.verdict,
        "progress": {"step": generation.steps_done, "steps": generation.steps_total},
        "deadline": generation.deadline.isoformat() if generation.deadline else None,
        "created_at": generation.created_at.isoformat(),
        "finished_at": generation.finished_at.isoformat() if generation.finished_at else None,
        "repeats": generation.repeats_id,
        "page": absolute(generation.get_absolute_url()),
        "url": absolute(f"/api/generations/{generation.pk}"),
        "events": absolute(f"/api/generations/{generation.pk}/events"),
        "pictures": [],
        "sounds": [],
    }
    made = [_file(generation, picture) for picture in generation.pictures.all()]
    answer["sounds" if generation.is_sound else "pictures"] = made
    if generation.found_by is not None:
        answer["found_by"] = generation.found_by.parameters | {"price": generation.found_by.price}
    if place:
        answer["certificates"] = [absolute(one.get_absolute_url()) for one in certificates_of(generation.grants_of_use)]
        answer["queue_position"] = selectors.queue_position(generation)
        if not generation.is_final:
            answer["ready_in_seconds"] = selectors.seconds_until_ready(generation)
    if generation.failure:
        code = FailureCode(generation.failure)
        answer["error"] = {"code": code.value, "message": str(code.label), "detail": generation.failure_detail}
    if generation.timings:
        answer["timings"] = generation.timings
    return answer


def _file(generation: Generation, picture: Picture) -> dict[str, Any]:
    """A picture, or a sound with what there is to see of it."""
    facts: dict[str, Any] = {
        "url": absolute(picture.get_absolute_url()),
        "seed": generation.seed + picture.position,
        "sha256": picture.sha256,
        "public": picture.is_public,
        "content_credentials": picture.drawn_sha256 != "" and not picture.credentials_failure,
        "reproduces": picture.reproduces,
        "watermark": picture.mark is not None,
    }
    if not picture.is_sound:
        return facts | {"width": picture.width, "height": picture.height}
    form = {name: picture.parameters[name] for name in ("sample_rate", "channels")}
    return facts | form | {"seconds": picture.seconds, "spectrogram": absolute(picture.image_url)}
