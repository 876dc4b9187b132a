"""The Studio's form, what it would cost, and the same as an API call."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Refusal
from inference import selectors
from inference.algorithms import calls, pricing
from inference.enums import InputKind, Task
from inference.forms import StudioForm
from inference.forms.choosing import LORA_ROWS
from inference.forms.studio import OUTPAINTING
from inference.models import Generation, InputImage
from inference.selectors.pictures import picture_named, public_pictures
from inference.selectors.safety import policy_in_force
from inference.services import canvas, gallery, planning
from inference.services.planning import Plan, Wanted
from inference.views.generations import context_of

HISTORY = 12


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def studio(request: HttpRequest) -> HttpResponse:
    """The form, and the person's latest pictures. A post makes a generation and opens it."""
    if not request.user.is_authenticated:
        pictures = public_pictures(request.principal)[:HISTORY]
        return render(request, "inference/studio_anonymous.html", {"pictures": pictures})
    form = StudioForm(
        request.POST or None, request.FILES or None, principal=request.principal, initial=initial_of(request)
    )
    if form.is_valid():
        try:
            given = form.cleaned_data
            generation = gallery.draw(
                request.principal,
                with_images(request, form),
                model=given["model"],
                billed=given["billed"],
                remix_of=picture_named(request.principal, given["remix_of"]),
            )
            return _opened(request, generation)
        except Refusal as refusal:
            form.refuse(refusal)
    if by_htmx(request):
        response = render(request, "inference/studio_form.html", {"form": form})
        response["HX-Retarget"], response["HX-Reswap"] = "#studio-form", "outerHTML"
        return response
    context = {
        "form": form,
        "history": _newest(request),
        "remixed": picture_named(request.principal, str(form["remix_of"].value() or "")),
        "free_left": selectors.free_pictures_left(request.user),
        "credits_left": selectors.credits_left(request.user.namespace, pricing.DEFAULT_CURRENCY),
        "currency": pricing.DEFAULT_CURRENCY,
        "misses_enlarger": request.GET.get("task") == Task.UPSCALE and not form.does(Task.UPSCALE),
        "policy": policy_in_force(),
        "rate": pricing.RATES[pricing.DEFAULT_CURRENCY],
    }
    return render(request, "inference/studio.html", context)


@login_required
@require_safe
@never_cache
def studio_own(request: HttpRequest) -> HttpResponse:
    """One's newest pictures, which the Studio's page asks for when another one is there."""
    return render(request, "inference/own.html", {"history": _newest(request)})


@login_required
@require_POST
@never_cache
def studio_model(request: HttpRequest) -> HttpResponse:
    """The parts of the form that hang on the model: what it does, by which schedulers, with which values of its own.
    `chosen=task`: a task was chosen that this model does not do, so it is changed for one that does."""
    form = StudioForm(request.POST, principal=request.principal, is_estimate=True)
    if request.POST.get("chosen") == "task":
        form = StudioForm(form.with_model_that_does(), principal=request.principal, is_estimate=True)
    return render(request, "inference/model_part.html", {"form": form, "is_part": True})


@login_required
@require_POST
@never_cache
def studio_cost(request: HttpRequest) -> HttpResponse:
    """What the form as it stands would cost, for the line above the button; and the same as API calls."""
    form = StudioForm(request.POST, principal=request.principal, is_estimate=True)
    form.is_valid()
    filled = form.cleaned_data
    if not filled.get("model"):
        return HttpResponse()  # nothing is chosen yet
    try:
        wanted = with_stand_ins(request, form)
        plan = planning.plan(request.principal, wanted, model=filled.get("model", ""))
    except Refusal as refusal:
        return render(request, "inference/cost.html", {"refusal": refusal})
    billed = filled.get("billed") or request.user.namespace
    free_left = 0 if billed.is_organisation else selectors.free_pictures_left(request.user)
    context = {
        "plan": plan,
        "free_left": free_left,
        "is_free": free_left >= plan.parameters["count"],
        "credits_left": selectors.credits_left(billed, plan.currency),
        "currency": plan.currency,
        "calls": _calls(plan, wanted),
    }
    return render(request, "inference/cost.html", context)


def _newest(request: HttpRequest) -> QuerySet[Generation]:
    return selectors.generations_of(request.principal)[:HISTORY]


def initial_of(request: HttpRequest) -> dict[str, Any]:
    """The form as another page filled it: `?model=…` with `&lora_1=…`, `?from=<generation>` to vary one, with
    `&picture=<position>` to remix that picture of it, `?image=<generation>/<position>` to draw from one, with
    `&task=upscale` to enlarge it by the newest model that does; `?task=…` and `?prompt=…` alone are taken as they
    are."""
    names = ["model", "task", "prompt", *(f"{field}_{row}" for row in LORA_ROWS for field in ("lora", "scale"))]
    initial: dict[str, Any] = {name: request.GET.get(name, "") for name in names}
    initial |= selectors.beside_its_base(request.principal, initial["model"])
    if "image" in request.GET:
        key, _slash, number = request.GET["image"].partition("/")
        picture = selectors.picture_for(request.principal, key, int(number) if number.isdecimal() else 0)
        if picture.is_sound:
            return initial
        initial |= {"picture": picture.pk, "prompt": initial["prompt"] or picture.generation.prompt}
        if request.GET.get("task") == Task.UPSCALE:
            larger = selectors.enlarging_model(request.principal)
            initial["model"] = initial["model"] or (larger.full_name if larger else "")
        initial["task"] = initial["task"] or Task.IMAGE_TO_IMAGE.value
        initial["model"] = initial["model"] or picture.generation.model_name
    elif "from" in request.GET:
        generation = selectors.generation_for(request.principal, request.GET["from"])
        initial |= _as_initial(request, generation)
        position = request.GET.get("picture", "")
        picture = next((one for one in generation.pictures.all() if str(one.position) == position), None)
        if picture is not None:
            initial |= {"remix_of": picture.pk, "seed": generation.seed + picture.position, "count": 1}
    return initial


def by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _as_initial(request: HttpRequest, generation: Generation) -> dict[str, Any]:
    """Its parameters by the form's names; images that were given only to who gave them."""
    facts = dict(generation.parameters)
    image, mask = facts.pop("image", ""), facts.pop("mask", "")
    if generation.owner_id == request.user.pk:
        facts |= {"image_id": image, "mask_id": mask}
    for number, lora in enumerate(facts.pop("loras", []), 1):
        facts |= {f"lora_{number}": lora["model"], f"scale_{number}": lora["scale"]}
    return facts


def with_images(request: HttpRequest, form: StudioForm) -> Wanted:
    """Keep the images of a valid form. What was kept is not sent again when the rest is refused."""
    by, filled, wanted = request.principal, form.cleaned_data, form.wanted()
    if not filled["task"].needs_image:
        return wanted
    given = form.given()
    image, mask = canvas.image_of(given, by=by), None
    form.kept(image=image)
    if filled["mode"] == OUTPAINTING:
        image, mask = canvas.on_larger_canvas(image, form.margins, by=by)
    elif filled["task"].needs_mask and (wanted.search is None or given.has_new_mask):
        mask = canvas.mask_for(image, given, by=by)
        if wanted.search is None:  # else they are refused together
            form.kept(mask=mask)
    return replace(wanted, image=image, mask=mask)


def with_stand_ins(request: HttpRequest, form: StudioForm) -> Wanted:
    """Rows that are never saved, as large as the browser said, in place of images that are still to come."""
    task, wanted, key = form.cleaned_data["task"], form.wanted(), form.cleaned_data.get("image_id")
    profile = form.profile
    if not task.needs_image or profile is None:
        return wanted
    shorter = 2 if task == Task.UPSCALE else 1
    size = form.size_of_image or (profile.width // shorter, profile.height // shorter)
    if key and not form.cleaned_data.get("image_size"):
        size = selectors.input_for(request.principal, key).size_in_pixels
    width, height = form.margins.around(*size)
    made = {
        kind.value: InputImage(owner=request.user, kind=kind, width=width, height=height)
        for kind, needed in ((InputKind.IMAGE, True), (InputKind.MASK, task.needs_mask and wanted.search is None))
        if needed
    }
    return replace(wanted, **made)


def _calls(plan: Plan, wanted: Wanted) -> list[tuple[str, str]]:
    """Without a chosen seed the calls leave it out too: each chooses its own. None while an image is to come."""
    if plan.parameters["image"] is not None:
        return []
    names: tuple[str, ...] = ("prompt", "negative_prompt", "seed", "steps", "guidance", "width", "height", "count")
    names += ("scheduler",)
    if plan.parameters["task"] == Task.SOUND:
        names = ("task", "label", "seed", "steps", "seconds", "count", "scheduler")
    parameters = {"model": plan.repository.full_name} | {name: plan.parameters[name] for name in names}
    if wanted.seed is None:
        parameters.pop("seed")
    if not wanted.scheduler:
        parameters.pop("scheduler")
    if wanted.step_reuse:
        parameters["step_reuse"] = wanted.step_reuse
    if plan.loras:
        parameters["loras"] = [{"model": one.repository.full_name, "scale": one.scale} for one in plan.loras]
    return calls.all_of(parameters, site=settings.BASE_URL)


def _opened(request: HttpRequest, generation: Generation) -> HttpResponse:
    if by_htmx(request):
        return render(request, "inference/progress.html", context_of(request, generation))
    return redirect(generation)
