"""The Studio, the page of a generation, its pictures, the public gallery."""

import json
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Refusal
from common.pagination import page_of
from inference import rules, selectors
from inference.algorithms import formats, policy, pricing
from inference.api.openai import link_is_good
from inference.enums import GenerationState
from inference.forms import StudioForm
from inference.models import Generation
from inference.services import generations, planning
from inference.services.planning import Wanted

HISTORY = 12


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def studio(request: HttpRequest) -> HttpResponse:
    """The form, and the person's latest pictures. A post makes a generation and opens it."""
    if not request.user.is_authenticated:
        pictures = selectors.public_pictures()[:HISTORY]
        return render(request, "inference/studio_anonymous.html", {"pictures": pictures})
    form = StudioForm(request.POST or None, principal=request.principal, initial=_initial(request))
    if form.is_valid():
        try:
            generation = generations.request_generation(
                request.principal,
                form.wanted(),
                model=form.cleaned_data["model"],
                billed=form.cleaned_data["billed"],
            )
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            return _opened(request, generation)
    if _by_htmx(request):
        response = render(request, "inference/studio_form.html", {"form": form})
        response["HX-Retarget"], response["HX-Reswap"] = "#studio-form", "outerHTML"
        return response
    context = {
        "form": form,
        "history": selectors.generations_of(request.principal)[:HISTORY],
        "free_left": selectors.free_pictures_left(request.user),
        "credits_left": selectors.credits_left(request.user.namespace, pricing.DEFAULT_CURRENCY),
        "currency": pricing.DEFAULT_CURRENCY,
        "policy": policy.policy(),
        "rate": pricing.RATES[pricing.DEFAULT_CURRENCY],
    }
    return render(request, "inference/studio.html", context)


@login_required
@require_POST
@never_cache
def studio_cost(request: HttpRequest) -> HttpResponse:
    """What the form as it stands would cost, for the line above the button."""
    form = StudioForm(request.POST, principal=request.principal)
    form.is_valid()
    filled = form.cleaned_data
    names = ("steps", "guidance", "width", "height")
    numbers = {name: filled.get(name) for name in names} | {"count": filled.get("count") or 1}
    try:
        plan = planning.plan(request.principal, Wanted(prompt="–", **numbers), model=filled.get("model", ""))
    except Refusal as refusal:
        return render(request, "inference/cost.html", {"refusal": refusal})
    billed = filled.get("billed") or request.user.namespace
    free_left = 0 if billed.is_organisation else selectors.free_pictures_left(request.user)
    context = {"plan": plan, "free_left": free_left, "is_free": free_left >= plan.parameters["count"]}
    return render(request, "inference/cost.html", context)


@require_safe
@never_cache
def generation_page(request: HttpRequest, generation_id: str) -> HttpResponse:
    generation = selectors.generation_for(request.principal, generation_id)
    context = _context(request, generation) | {"call": _call(generation), "python": _python(generation)}
    return render(request, "inference/generation.html", context)


@require_safe
@never_cache
def generation_progress(request: HttpRequest, generation_id: str) -> HttpResponse:
    """The part of the page that changes; it asks for itself again until the end."""
    generation = selectors.own_generation_for(request.principal, generation_id)
    return render(request, "inference/progress.html", _context(request, generation))


@login_required
@require_POST
def generation_cancel(request: HttpRequest, generation_id: str) -> HttpResponse:
    generation = selectors.own_generation_for(request.principal, generation_id)
    generations.cancel(generation, by=request.principal)
    messages.success(request, _("It stops, and nothing is billed."))
    return redirect(generation)


@login_required
@require_POST
def generation_again(request: HttpRequest, generation_id: str) -> HttpResponse:
    """The same parameters, seed and version once more: the same pictures."""
    generation = selectors.generation_for(request.principal, generation_id)
    own = generation.owner_id == request.user.pk
    made = generations.request_generation(
        request.principal,
        planning.same_again(request.principal, generation),
        model=generation.model_name,
        revision=generation.commit,
        billed=generation.billed if own else None,
        currency=generation.currency,
    )
    return redirect(made)


@login_required
@require_POST
def picture_show(request: HttpRequest, generation_id: str, position: int) -> HttpResponse:
    """Show one picture to everybody (`public=1`) or hide it (`public=0`)."""
    picture = selectors.picture_for(request.principal, generation_id, position)
    public = request.POST.get("public") == "1"
    generations.set_public(picture, public=public, by=request.principal)
    messages.success(request, _("Everybody can see the picture now.") if public else _("Only you see the picture now."))
    return redirect(picture.generation)


@require_safe
def picture_file(request: HttpRequest, generation_id: str, position: int) -> FileResponse | HttpResponse:
    """One's own, a public one, or one whose address carries a proof that is still good. `format=jpeg` or `webp`
    gives a copy in that format."""
    picture = selectors.picture_of(generation_id, position)
    if picture is None or not link_is_good(picture, request.GET.get("proof", "")):
        picture = selectors.picture_for(request.principal, generation_id, position)
    kind = request.GET.get("format", "png")
    if kind not in formats.TYPES:
        raise Http404
    response: FileResponse | HttpResponse
    if kind == "png":
        response = FileResponse(picture.path.open("rb"), content_type="image/png")
        response["ETag"] = f'"{picture.sha256}"'
    else:
        copy = formats.encoded(picture.path.read_bytes(), kind)
        response = HttpResponse(copy, content_type=formats.TYPES[kind])
        response["ETag"] = f'"{picture.sha256}-{kind}"'
    response["Cache-Control"] = "public, max-age=300" if picture.is_public else "private, max-age=300"
    if "download" in request.GET:
        response["Content-Disposition"] = f'attachment; filename="{generation_id}-{position}.{kind}"'
    return response


@require_safe
@never_cache
def preview_file(request: HttpRequest, generation_id: str) -> HttpResponse:
    """What the picture looks like so far, while it is drawn."""
    generation = selectors.own_generation_for(request.principal, generation_id)
    try:
        return FileResponse(generation.preview_path.open("rb"), content_type="image/png")
    except FileNotFoundError:
        raise Http404 from None


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    return render(request, "inference/gallery.html", {"page": page_of(request, selectors.public_pictures())})


def _initial(request: HttpRequest) -> dict[str, object]:
    """The form as another page filled it: `?model=…`, or `?from=<generation>` to vary one."""
    initial: dict[str, object] = {"model": request.GET.get("model", "")}
    if "from" in request.GET:
        generation = selectors.generation_for(request.principal, request.GET["from"])
        initial |= generation.parameters
    return initial


def _context(request: HttpRequest, generation: Generation) -> dict[str, object]:
    is_own = rules.may_change(request.principal, generation)
    # htmx tells the page that asks for the part.
    page = urlsplit(request.headers.get("HX-Current-URL", "")).path or request.path
    context: dict[str, object] = {
        "generation": generation,
        "is_own": is_own,
        "is_refused": generation.state == GenerationState.REFUSED,
        "on_page": page == generation.get_absolute_url(),
        "position": selectors.queue_position(generation),
        "percent": 100 * generation.steps_done // max(1, generation.steps_total),
        "pictures": [
            {"row": picture, "seed": generation.seed + picture.position} for picture in generation.pictures.all()
        ],
    }
    if is_own and not generation.is_final:
        context["seconds"] = selectors.seconds_until_ready(generation)
        # The number changes the address, so that browsers fetch each preview anew.
        context["preview"] = generation.steps_done if generation.preview_path.exists() else None
    return context


def _call(generation: Generation) -> str:
    """The native API's body for the same pictures, ready for a shell's single quotes."""
    return json.dumps(generation.parameters, ensure_ascii=False, indent=2).replace("'", "'\\''")


def _python(generation: Generation) -> dict[str, str]:
    return {name: repr(generation.parameters[name]) for name in ("prompt", "negative_prompt", "guidance")}


def _opened(request: HttpRequest, generation: Generation) -> HttpResponse:
    if _by_htmx(request):
        return render(request, "inference/progress.html", _context(request, generation))
    return redirect(generation)


def _by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
