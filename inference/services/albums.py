"""Albums: made, changed and deleted by their owner; what is in them, and in which order."""

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from common.services import audit
from inference import rules
from inference.models import Album, AlbumPicture, Picture
from inference.selectors.pictures import visible_pictures

MAX_ALBUMS, MAX_ENTRIES = 200, 1000


@transaction.atomic
def create(*, title: str, by: Principal, description: str = "", is_public: bool = False) -> Album:
    """Raises Unauthenticated, Forbidden, Invalid, Conflict for a title that one has already."""
    if by.user is None:
        raise Unauthenticated(_("Log in to keep pictures in albums."))
    _wait_for_others(by.user.pk)
    if not rules.may_keep_albums(by):
        raise _not_allowed()
    if by.user.albums.count() >= MAX_ALBUMS:
        raise Invalid(_("You have %(most)d albums, the most there can be.") % {"most": MAX_ALBUMS})
    _require_free(by, title)
    album = Album.objects.create(owner=by.user, title=title.strip(), description=description, is_public=is_public)
    audit.record("album.created", str(album), actor=by, title=album.title, public=is_public)
    return album


@transaction.atomic
def update(album: Album, *, title: str, description: str, is_public: bool, by: Principal) -> Album:
    """Raises Forbidden, Invalid, Conflict."""
    _wait_for_others(album.owner_id)
    album = _locked(album, by)
    _require_free(by, title, own=album)
    album.title, album.description, album.is_public = title.strip(), description, is_public
    _touch(album)
    audit.record("album.updated", str(album), actor=by, title=album.title, public=is_public)
    return album


@transaction.atomic
def delete(album: Album, *, by: Principal) -> None:
    """Delete the list, not its pictures. Raises Forbidden."""
    album = _locked(album, by)
    name = str(album)
    album.delete()
    audit.record("album.deleted", name, actor=by)


@transaction.atomic
def add(album: Album, picture: Picture, *, by: Principal) -> AlbumPicture:
    """Put a picture at the end; again changes nothing. Raises Forbidden, NotFound, Invalid."""
    album = _locked(album, by)
    if not visible_pictures(by).filter(pk=picture.pk).exists():
        raise NotFound(_("There is no such picture, or it is not yours to see."), hint=_("Log in as its owner."))
    known = album.entries.filter(picture=picture).first()
    if known is not None:
        return known
    if album.entries.count() >= MAX_ENTRIES:
        raise Invalid(_("An album holds up to %(most)d pictures.") % {"most": MAX_ENTRIES})
    last = album.entries.aggregate(last=Max("position"))["last"]
    entry = AlbumPicture.objects.create(album=album, picture=picture, position=0 if last is None else last + 1)
    _touch(album)
    audit.record("album.picture_added", str(album), actor=by, picture=str(picture))
    return entry


@transaction.atomic
def remove(entry: AlbumPicture, *, by: Principal) -> None:
    """Take it out of the album; the picture stays. Raises Forbidden."""
    album = _locked(entry.album, by)
    album.entries.filter(pk=entry.pk).delete()
    if album.cover_id == entry.picture_id:
        album.cover = None
    _touch(album)
    audit.record("album.picture_removed", str(album), actor=by, picture=f"picture:{entry.picture_id}")


@transaction.atomic
def place(entry: AlbumPicture, *, position: int, by: Principal) -> None:
    """Move it to a place, from 0; past the end means last. Raises Forbidden."""
    album = _locked(entry.album, by)
    others = list(album.entries.exclude(pk=entry.pk).order_by("position", "id"))
    others.insert(max(0, position), entry)
    for number, row in enumerate(others):
        row.position = number
    AlbumPicture.objects.bulk_update(others, ["position"])
    _touch(album)


@transaction.atomic
def set_cover(entry: AlbumPicture, *, by: Principal) -> None:
    """Raises Forbidden."""
    album = _locked(entry.album, by)
    album.cover = entry.picture
    _touch(album)


def _wait_for_others(owner_id: int) -> None:
    """One change of a person's titles at a time, so that each is seen by the next."""
    User.objects.select_for_update(no_key=True).get(pk=owner_id)


def _locked(album: Album, by: Principal) -> Album:
    """The row as it is now, held until the end of the transaction."""
    found = Album.objects.select_for_update(of=("self",), no_key=True).filter(pk=album.pk).first()
    if found is None:
        raise NotFound(_("There is no such album, or it is not yours to see."))
    if not rules.may_keep_albums(by) or by.user != found.owner:
        raise _not_allowed()
    return found


def _not_allowed() -> Forbidden:
    return Forbidden(_("You may not change this album."), hint=_("Make an album of your own."))


def _require_free(by: Principal, title: str, own: Album | None = None) -> None:
    if not title.strip():
        raise Invalid(_("An album needs a title."))
    taken = Album.objects.filter(owner=by.user, title__iexact=title.strip()).exclude(pk=own.pk if own else None)
    if taken.exists():
        raise Conflict(_("You have an album of this title already."), hint=_("Choose another title."))


def _touch(album: Album) -> None:
    album.updated_at = timezone.now()
    album.save()
