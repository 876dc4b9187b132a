"""The page of a generation, and what its buttons do."""

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from inference import rules, selectors
from inference.algorithms import calls
from inference.enums import GenerationState
from inference.forms import AddForm
from inference.models import Generation
from inference.selectors.pictures import liked_of, remix_of
from inference.services import generations, repeating
from licensing.selectors.grants import certificates_of


@require_safe
@never_cache
def generation_page(request: HttpRequest, generation_id: str) -> HttpResponse:
    generation = selectors.generation_for(request.principal, generation_id)
    context = context_of(request, generation)
    context["calls"] = calls.all_of(generation.parameters, site=settings.BASE_URL)
    if context["is_own"]:
        context["certificates"] = certificates_of(generation.grants_of_use)
    context["remix"], context["remixed"] = remix_of(request.principal, generation.pk)
    pictures = list(generation.pictures.all())
    if request.user.is_authenticated and pictures:
        context["liked"] = liked_of(request.user, pictures)
        context["add"] = AddForm(principal=request.principal)
    return render(request, "inference/generation.html", context)


@require_safe
@never_cache
def generation_progress(request: HttpRequest, generation_id: str) -> HttpResponse:
    """The part of the page that changes; it asks for itself again until the end. Then the page of the generation has
    more to show, and the Studio another balance."""
    generation = selectors.own_generation_for(request.principal, generation_id)
    context = context_of(request, generation)
    response = render(request, "inference/progress.html", context)
    if generation.is_final:
        name, value = ("HX-Refresh", "true") if context["on_page"] else ("HX-Trigger", "generation-ended")
        response[name] = value
    return response


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
    return redirect(repeating.draw_again(generation, by=request.principal))


def context_of(request: HttpRequest, generation: Generation) -> dict[str, object]:
    is_own = rules.may_change(request.principal, generation)
    # htmx tells the page that asks for the part.
    page = urlsplit(request.headers.get("HX-Current-URL", "")).path or request.path
    pictures = [
        {"row": picture, "seed": generation.seed + picture.position, "is_gone": not picture.path.exists()}
        for picture in generation.pictures.all()
    ]
    context: dict[str, object] = {
        "generation": generation,
        "is_own": is_own,
        "is_refused": generation.state == GenerationState.REFUSED,
        "on_page": page == generation.get_absolute_url(),
        "position": selectors.queue_position(generation),
        "percent": 100 * generation.steps_done // max(1, generation.steps_total),
        "pictures": pictures,
    }
    if is_own and generation.state == GenerationState.SUCCEEDED:
        context["taken_away"] = generation.count - len(pictures)
    if is_own and not generation.is_final:
        context["seconds"] = selectors.seconds_until_ready(generation)
        # The number changes the address, so that browsers fetch each preview anew.
        is_shown = generation.preview_path.exists() and selectors.may_preview(generation)
        context["preview"] = generation.steps_done if is_shown else None
    return context
