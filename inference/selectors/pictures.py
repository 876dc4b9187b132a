"""Pictures that are shown: the gallery, albums, likes, remixes."""

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common.errors import NotFound
from hub.selectors.reportables import Subject
from inference.models import Album, AlbumPicture, Picture, PictureLike, Remix
from inference.selectors.generations import given_out, may_see_generations, may_see_picture, picture_of
from inference.selectors.safety import shown_to

ORDERS = {"new": ("-created_at", "-id"), "liked": ("-like_count", "-created_at", "-id")}


def public_pictures(principal: Principal, *, text: str = "", model: str = "", order: str = "new") -> QuerySet[Picture]:
    """What people chose to show, with the number of its likes."""
    rows = given_out(Picture.objects.filter(shown_to(principal))).select_related("generation__owner")
    if text:
        rows = rows.filter(Q(generation__prompt__icontains=text) | Q(generation__label__icontains=text))
    if model:
        rows = rows.filter(generation__model_name__iexact=model)
    return rows.annotate(like_count=Count("likes")).order_by(*ORDERS.get(order, ORDERS["new"]))


def visible_pictures(principal: Principal) -> QuerySet[Picture]:
    """One's own and public ones."""
    seen = shown_to(principal)
    if may_see_generations(principal) and not principal.is_fine_grained:
        seen |= Q(generation__owner=principal.user)
    return given_out(Picture.objects.filter(seen)).select_related("generation__owner")


def picture_named(principal: Principal, key: str) -> Picture | None:
    """By its id; None when it is not there, or not for this person."""
    return visible_pictures(principal).filter(pk=key).first() if key else None


def liked_of(user: User, pictures: list[Picture]) -> set[str]:
    """The ids of those that the person likes."""
    return set(PictureLike.objects.filter(user=user, picture__in=pictures).values_list("picture_id", flat=True))


def remix_of(principal: Principal, generation_id: str) -> tuple[Remix | None, Picture | None]:
    """What a generation was remixed from, and the picture when the person may see it."""
    remix = Remix.objects.filter(pk=generation_id).first()
    if remix is None or remix.picture_id is None:
        return remix, None
    return remix, picture_named(principal, remix.picture_id)


def albums_of(principal: Principal) -> QuerySet[Album]:
    """One's own, the latest changed first."""
    if not _has_albums(principal):
        return Album.objects.none()
    return _listed(Album.objects.filter(owner=principal.user), visible_pictures(principal))


def public_albums(principal: Principal) -> QuerySet[Album]:
    """Those in which something is shown to people of this age."""
    pictures = given_out(Picture.objects.filter(shown_to(principal)))
    shown = AlbumPicture.objects.filter(album=OuterRef("pk"), picture__in=pictures)
    return _listed(Album.objects.filter(Exists(shown), is_public=True), pictures)


def album_for(principal: Principal, album_id: str) -> Album:
    """One's own or a public one. Raises NotFound."""
    seen = Q(is_public=True)
    if _has_albums(principal):
        seen |= Q(owner=principal.user)
    found = Album.objects.filter(seen, pk=album_id).select_related("owner").first()
    if found is None:
        raise NotFound(_("There is no such album, or it is not yours to see."), hint=_("Log in as its owner."))
    return found


def _has_albums(principal: Principal) -> bool:
    """They are the person's as a whole: a token for some places only does not reach them."""
    return may_see_generations(principal) and not principal.is_fine_grained


def entry_for(album: Album, number: int) -> AlbumPicture:
    """Raises NotFound."""
    found = AlbumPicture.objects.filter(album=album, pk=number).select_related("album", "picture").first()
    if found is None:
        raise NotFound(_("There is no such picture, or it is not yours to see."), hint=_("Log in as its owner."))
    return found


def entries_of(album: Album, principal: Principal) -> QuerySet[AlbumPicture]:
    """In their order, those that the person may see."""
    rows = AlbumPicture.objects.filter(album=album, picture__in=visible_pictures(principal))
    return rows.select_related("picture__generation__owner").order_by("position", "id")


def covers(albums: list[Album], principal: Principal) -> dict[str, Picture]:
    """The cover of each album, by its id: the chosen one, or the first that the person may see."""
    visible = visible_pictures(principal)
    rows = Picture.objects.filter(pk__in=visible, entries__album__in=albums)
    entries = AlbumPicture.objects.filter(album__in=albums).order_by("position", "id")
    found: dict[str, Picture] = {}
    pictures = {
        picture.pk: picture
        for picture in rows.prefetch_related(Prefetch("entries", entries)).select_related("generation")
    }
    chosen = {album.pk: album.cover_id for album in albums}
    places = sorted(
        (entry.position, entry.album_id, picture) for picture in pictures.values() for entry in picture.entries.all()
    )
    for _position, album_id, picture in places:
        found.setdefault(album_id, picture)
        if chosen.get(album_id) == picture.pk:
            found[album_id] = picture
    return found


def picture_at(principal: Principal, path: str) -> Subject | None:
    """For the desk of reports: a public picture by its page or file, or one's own."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] != ["generations"] or len(parts) not in {2, 3}:
        return None
    position = parts[2].removesuffix(".png").removesuffix(".wav") if len(parts) == 3 else "0"
    picture = picture_of(parts[1], int(position)) if position.isdecimal() and len(position) < 4 else None
    if picture is None or not may_see_picture(principal, picture):
        return None
    return Subject(
        asset=f"picture:{picture.generation_id}/{picture.position}",
        namespace=picture.generation.owner.namespace,
        address=picture.get_absolute_url(),
        contents=(picture.sha256,),
        is_private=not picture.is_public,
    )


def pictures_with(*, sha256: str = "", mark: int | None = None) -> list[Picture]:
    """Whoever may see them, the oldest first, for telling whether a picture was made here."""
    wanted = Q(sha256=sha256) if mark is None else Q(mark=mark)
    return list(Picture.objects.filter(wanted).select_related("generation__billed").order_by("created_at")[:100])


def sizes_of_pictures() -> list[tuple[int, int]]:
    """Of the newest ten thousand, each once."""
    newest = Picture.objects.filter(seconds=None).order_by("-id").values_list("width", "height")[:10_000]
    return list(dict.fromkeys(newest))


def _listed(albums: QuerySet[Album], pictures: QuerySet[Picture]) -> QuerySet[Album]:
    """`size` counts those of the pictures that are in each."""
    inside = Q(entries__picture__in=pictures)
    return albums.select_related("owner").annotate(size=Count("entries", inside)).order_by("-updated_at", "-id")
