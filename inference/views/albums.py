"""Albums as pages."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Refusal
from common.pagination import page_of
from inference.forms import AlbumForm
from inference.models import Album
from inference.selectors import pictures as selectors
from inference.services import albums as services


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def own_albums(request: HttpRequest) -> HttpResponse:
    """One's own, and a form for a new one."""
    form = AlbumForm(request.POST or None)
    if form.is_valid():
        try:
            return redirect(services.create(by=request.principal, **form.cleaned_data))
        except Refusal as refusal:
            _refuse(form, refusal)
    return _list(request, selectors.albums_of(request.principal), form=form)


@require_safe
def public_albums(request: HttpRequest) -> HttpResponse:
    return _list(request, selectors.public_albums(request.principal), form=None)


@require_safe
@never_cache
def album_page(request: HttpRequest, album_id: str) -> HttpResponse:
    return _page(request, selectors.album_for(request.principal, album_id), form=None)


@login_required
@require_POST
def album_change(request: HttpRequest, album_id: str) -> HttpResponse:
    """Its title, description and who may see it; or its end."""
    album = selectors.album_for(request.principal, album_id)
    if request.POST.get("act") == "delete":
        services.delete(album, by=request.principal)
        messages.success(request, _("The album is deleted; its pictures stay."))
        return redirect("albums")
    form = AlbumForm(request.POST)
    if form.is_valid():
        try:
            return redirect(services.update(album, by=request.principal, **form.cleaned_data))
        except Refusal as refusal:
            _refuse(form, refusal)
    return _page(request, album, form=form)


@login_required
@require_POST
def album_entry(request: HttpRequest, album_id: str, number: int) -> HttpResponse:
    """The buttons of one picture: earlier, later, cover, remove."""
    album = selectors.album_for(request.principal, album_id)
    entry = selectors.entry_for(album, number)
    by = request.principal
    match request.POST.get("act"):
        case "earlier":
            services.place(entry, position=entry.position - 1, by=by)
        case "later":
            services.place(entry, position=entry.position + 1, by=by)
        case "cover":
            services.set_cover(entry, by=by)
        case "remove":
            services.remove(entry, by=by)
    return redirect(album)


def _list(request: HttpRequest, rows: object, *, form: AlbumForm | None) -> HttpResponse:
    page = page_of(request, rows)  # type: ignore[arg-type]
    covers = selectors.covers(list(page), request.principal)
    context = {"page": page, "albums": [(album, covers.get(album.pk)) for album in page], "form": form}
    return render(request, "inference/albums.html", context)


def _page(request: HttpRequest, album: Album, *, form: AlbumForm | None) -> HttpResponse:
    is_own = request.user.is_authenticated and album.owner_id == request.user.pk
    facts = {name: getattr(album, name) for name in ("title", "description", "is_public")}
    context = {
        "album": album,
        "page": page_of(request, selectors.entries_of(album, request.principal), size=60),
        "is_own": is_own,
        "form": (form or AlbumForm(initial=facts)) if is_own else None,
    }
    return render(request, "inference/album.html", context)


def _refuse(form: AlbumForm, refusal: Refusal) -> None:
    """What a form can say; the rest is a page of its own."""
    if refusal.status not in {400, 409}:
        raise refusal
    form.add_error("title", str(refusal))
