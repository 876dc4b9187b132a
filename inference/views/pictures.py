"""Single pictures: the file, showing it, liking it, keeping it in an album; the gallery."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from common.errors import Refusal
from common.pagination import page_of
from hub.algorithms.ranges import RangeNotSatisfiable, parse_range
from inference import selectors
from inference.algorithms import formats
from inference.api.openai import link_is_good
from inference.forms import AddForm, GalleryForm
from inference.models import Picture
from inference.selectors import pictures as shown
from inference.selectors.files import opened
from inference.services import albums, copies, generations
from inference.services import gallery as services


@require_safe
def picture_file(request: HttpRequest, generation_id: str, position: int) -> FileResponse | HttpResponse:
    """One's own, a public one, or one whose address carries a proof that is still good. `format=jpeg` or `webp`
    gives a copy in that format. Of a sound: its spectrogram."""
    picture = _picture_for(request, generation_id, position)
    kind = request.GET.get("format", "png")
    if kind not in formats.TYPES:
        raise Http404
    etag = f'"{picture.sha256}"' if kind == "png" else f'"{picture.sha256}-{kind}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        path = picture.image_path if kind == "png" else copies.copy_of(picture, kind)
        response = FileResponse(opened(path), content_type=formats.TYPES[kind])
    response["ETag"] = etag
    _for_whom(request, response, picture, kind)
    return response


@require_safe
def sound_file(request: HttpRequest, generation_id: str, position: int) -> FileResponse | HttpResponse:
    """The WAV of a sound, whole or the part that a player asks for."""
    picture = _picture_for(request, generation_id, position)
    if not picture.is_sound:
        raise Http404
    response = _whole_or_part(request, picture)
    response["ETag"], response["Accept-Ranges"] = f'"{picture.sha256}"', "bytes"
    _for_whom(request, response, picture, "wav")
    return response


def _whole_or_part(request: HttpRequest, picture: Picture) -> FileResponse | HttpResponse:
    try:
        part = parse_range(request.headers.get("Range"), picture.size)
    except RangeNotSatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{picture.size}"})
    if part is None:
        return FileResponse(opened(picture.path), content_type="audio/wav")
    first, last = part
    with opened(picture.path) as file:
        file.seek(first)
        response = HttpResponse(file.read(last - first + 1), status=206, content_type="audio/wav")
    response["Content-Range"] = f"bytes {first}-{last}/{picture.size}"
    return response


def _picture_for(request: HttpRequest, generation_id: str, position: int) -> Picture:
    picture = selectors.picture_of(generation_id, position)
    if picture is None or not link_is_good(picture, request.GET.get("proof", "")):
        return selectors.picture_for(request.principal, generation_id, position)
    selectors.refuse_taken_away(request.principal, picture)
    return picture


def _for_whom(request: HttpRequest, response: FileResponse | HttpResponse, picture: Picture, kind: str) -> None:
    """How long others may keep it, and under which name it is downloaded."""
    is_for_all = picture.is_public and not picture.age
    response["Cache-Control"] = "public, max-age=300" if is_for_all else "private, max-age=300"
    if "download" in request.GET:
        response["Content-Disposition"] = f'attachment; filename="{picture.generation_id}-{picture.position}.{kind}"'


@require_safe
@never_cache
def preview_file(request: HttpRequest, generation_id: str) -> HttpResponse:
    """What the picture looks like so far, while it is drawn."""
    generation = selectors.own_generation_for(request.principal, generation_id)
    if not selectors.may_preview(generation):
        raise Http404
    try:
        return FileResponse(generation.preview_path.open("rb"), content_type="image/png")
    except FileNotFoundError:
        raise Http404 from None


@login_required
@require_POST
def picture_show(request: HttpRequest, generation_id: str, position: int) -> HttpResponse:
    """Show one picture to everybody (`public=1`) or hide it (`public=0`)."""
    picture = selectors.picture_for(request.principal, generation_id, position)
    public = request.POST.get("public") == "1"
    generations.set_public(picture, public=public, by=request.principal)
    messages.success(request, _("Everybody can see the picture now.") if public else _("Only you see the picture now."))
    return redirect(picture.generation)


@login_required
@require_POST
def picture_like(request: HttpRequest, generation_id: str, position: int) -> HttpResponse:
    """`likes` says what is wanted, so that pressing it twice does no harm."""
    picture = selectors.picture_for(request.principal, generation_id, position)
    services.like(picture, liked=request.POST.get("likes") != "no", by=request.principal)
    return redirect(picture.generation)


@login_required
@require_POST
def picture_keep(request: HttpRequest, generation_id: str, position: int) -> HttpResponse:
    """Put it into an album of one's own, or into a new one."""
    picture = selectors.picture_for(request.principal, generation_id, position)
    form = AddForm(request.POST, principal=request.principal)
    if not form.is_valid():
        messages.error(request, " ".join(error for errors in form.errors.values() for error in errors))
        return redirect(picture.generation)
    by = request.principal
    try:
        album = form.cleaned_data["album"] or albums.create(title=form.cleaned_data["title"], by=by)
        albums.add(album, picture, by=by)
    except Refusal as refusal:
        if refusal.status not in {400, 409}:
            raise
        messages.error(request, str(refusal))
        return redirect(picture.generation)
    messages.success(request, _("The picture is in the album “%(title)s” now.") % {"title": album.title})
    return redirect(picture.generation)


@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    form = GalleryForm(request.GET)
    given = form.cleaned_data if form.is_valid() else {}
    rows = shown.public_pictures(request.principal, **given)
    return render(request, "inference/gallery.html", {"page": page_of(request, rows), "form": form})
