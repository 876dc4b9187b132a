"""POST /inference/<namespace>/<name>: what `InferenceClient(model=URL)` calls to draw, redraw, fill, edit and sound."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Refusal
from hub.enums import RepositoryKind
from hub.selectors import head_commit, repository_for
from inference import selectors
from inference.api import reading, waiting
from inference.api.refusing import door
from inference.api.sounds import TEXT_INFLUENCE, makes_sounds, sound_wanted
from inference.enums import InputKind
from inference.errors import Unprocessable
from inference.models import Generation
from inference.selectors.files import content_of
from inference.services import generations
from inference.services.planning import Wanted

IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8")  # how files of images begin
PARAMETERS = (
    "prompt", "negative_prompt", "seed", "num_inference_steps", "guidance_scale", "width", "height", "target_size",
    "scheduler", "strength", "image_guidance_scale", "noise_level", "mask_image", "loras", "step_reuse",
)  # fmt: skip


def _error(refusal: Refusal) -> HttpResponse:
    """`{"error": text, …}`, with the queue position where there is one."""
    body = {"error": str(refusal), "code": refusal.code, "hint": str(refusal.hint)}
    known = ("queue_position", "generation", "retry_after", "field")
    body |= {name: refusal.context[name] for name in known if name in refusal.context}
    response = JsonResponse(body, status=refusal.status)
    # The client shows this line of text beside the status.
    response["X-Error-Message"] = " ".join(str(refusal).split()).encode("ascii", "replace").decode()
    return response


@door(_error, "POST")
def ask(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Body `{"inputs": prompt, "parameters": {…}}`, or `{"inputs": base64, "parameters": {"prompt", …}}` for what
    begins with an image; answers with the PNG's bytes. Models of sounds take the inputs as a label: the WAV's bytes."""
    principal = reading.token_holder(request)
    if request.content_type.startswith("image/") or request.body.startswith(IMAGES):
        raise Unprocessable(
            _("The prompt is empty."), hint=_("Send JSON with the image in base64 and the prompt."), field="prompt"
        )
    body = reading.json_body(request)
    parameters = body.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise reading.wrong("parameters", _("an object"))
    key = reading.idempotency_key(request)
    sounds = makes_sounds(principal, f"{namespace}/{name}")
    if sounds and request.headers.get("Accept") == "image/png":
        raise Unprocessable(
            _("This model makes sounds, and a picture was asked for."),
            hint=_("Ask it by text_to_speech, or choose a model that draws."),
            field="model",
        )
    generation = generations.request_generation(
        principal,
        sound_wanted(body, parameters) if sounds else _wanted(principal, body, parameters),
        model=f"{namespace}/{name}",
        billed=reading.payer(request.headers.get("X-HF-Bill-To", "")),
        idempotency_key=key,
    )
    generation = waiting.finished(generation, keep=bool(key), by=principal)
    return _file(generation)


@door(_error, "GET", "HEAD")
def health(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """200 when the model is there to be asked."""
    _profile(request, namespace, name)
    return JsonResponse({"status": "ok"})


@door(_error, "GET", "HEAD")
def info(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    commit, profile = _profile(request, namespace, name)
    tasks = [task.replace("_", "-") for task in profile.tasks]
    facts = {"model_id": f"{namespace}/{name}", "sha": commit, "task": tasks[0] if tasks else None}
    sound = profile.sound.to_json() if profile.sound else None
    return JsonResponse(facts | vars(profile) | {"tasks": tasks, "sound": sound})


def _profile(request: HttpRequest, namespace: str, name: str) -> tuple[str, Any]:
    repository = repository_for(request.principal, RepositoryKind.MODEL, f"{namespace}/{name}")
    commit = head_commit(repository)
    profile = selectors.profile(repository, commit) if commit else None
    if commit is None or profile is None:
        raise Unprocessable(
            _("This model makes no pictures and no sounds."), hint=_("Choose a model from the Studio's list.")
        )
    return commit, profile


def _wanted(principal: Principal, body: dict[str, Any], parameters: dict[str, Any]) -> Wanted:
    """With a prompt among the parameters, the inputs are an image."""
    reading.refuse_unknown(parameters, PARAMETERS)
    has_image = "prompt" in parameters
    target = parameters.get("target_size") or {}
    if not isinstance(target, dict):
        raise reading.wrong("target_size", _("an object"))
    sizes = parameters | target
    return Wanted(
        prompt=reading.text(parameters, "prompt") if has_image else reading.text(body, "inputs"),
        negative_prompt=reading.text(parameters, "negative_prompt"),
        seed=reading.whole(parameters, "seed"),
        steps=reading.whole(parameters, "num_inference_steps"),
        guidance=reading.real(parameters, "guidance_scale"),
        width=reading.whole(sizes, "width"),
        height=reading.whole(sizes, "height"),
        scheduler=reading.text(parameters, "scheduler"),
        strength=reading.real(parameters, "strength"),
        image_guidance=reading.real(parameters, "image_guidance_scale"),
        noise_level=reading.whole(parameters, "noise_level"),
        image=reading.image(principal, body, "inputs") if has_image else None,
        mask=reading.image(principal, parameters, "mask_image", kind=InputKind.MASK),
        loras=reading.loras(parameters),
        step_reuse=reading.text(parameters, "step_reuse"),
    )


def _file(generation: Generation) -> HttpResponse:
    (picture,) = generation.pictures.all()
    media_type = "audio/wav" if picture.is_sound else "image/png"
    response = HttpResponse(content_of(picture.path), content_type=media_type)
    if picture.is_sound:
        response["X-Text-Influence"] = TEXT_INFLUENCE
    response["X-Generation-Id"] = generation.pk
    response["X-Seed"] = str(generation.seed)
    response["X-Price"] = f"{generation.price} micros {generation.currency}"
    response["X-Compute-Time"] = str(generation.timings.get("device", 0))
    response["Cache-Control"] = "no-store"
    return response
