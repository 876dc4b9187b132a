"""Images that people give: drawn anew, kept once by content, gone when nobody needs them."""

import hashlib
from datetime import timedelta
from pathlib import Path

from django.db import connection, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from PIL.Image import Image

from accounts.models import User
from accounts.principal import Principal
from common.errors import Forbidden, Invalid, TooManyRequests, Unauthenticated
from hub.services.redrawing import redrawn
from inference import rules
from inference.algorithms import uploads
from inference.enums import InputKind
from inference.errors import Unprocessable
from inference.models import Generation, InputImage, Picture
from inference.selectors.files import content_of
from inference.services.files import keep_file

UNUSED = timedelta(days=1)
MAX_UNUSED = 200  # of one person
_MOST_DRAWN = 4 * uploads.MAX_PIXELS + 2**20  # a PNG that cannot be packed


def keep_image(content: bytes, *, by: Principal, field: str = "image") -> InputImage:
    """To be redrawn, filled or edited.

    Raises Unauthenticated, Forbidden, Unprocessable, TooManyRequests, Unavailable.
    """
    owner = _giver(by)
    return _keep(uploads.as_image(_opened(content, field)), InputKind.IMAGE, owner)


def keep_mask(content: bytes, *, by: Principal, field: str = "mask") -> InputImage:
    """White is what is drawn anew. Raises as `keep_image` does."""
    owner = _giver(by)
    return _keep(uploads.as_mask(_opened(content, field)), InputKind.MASK, owner)


def keep_mask_of_alpha(content: bytes, *, by: Principal, field: str = "mask") -> InputImage:
    """A mask from the transparent part of an image. Raises as `keep_image` does, also when it has none."""
    owner = _giver(by)
    image = _opened(content, field)
    if not uploads.has_alpha(image):
        raise Unprocessable(
            _("Nothing in the mask is transparent."),
            hint=_("Send a PNG whose transparent part is to be drawn anew."),
            field=field,
        )
    return _keep(uploads.mask_of_alpha(image), InputKind.MASK, owner)


def read(content: bytes, *, by: Principal, field: str) -> Image:
    """The image itself, for doors that change it before it is kept. Raises as `keep_image` does."""
    _giver(by)
    return _opened(content, field)


def keep_picture(picture: Picture, *, by: Principal) -> InputImage:
    """A picture that was drawn here and that this person may see.

    Raises Unauthenticated, Forbidden, Unprocessable, FileGone.
    """
    if picture.is_sound:
        raise Unprocessable(_("A sound is no image."), hint=_("Choose a picture."), field="image")
    owner = _giver(by)
    return _keep(uploads.as_image(uploads.opened(content_of(picture.path))), InputKind.IMAGE, owner)


def keep_drawn(image: Image, kind: InputKind, *, by: Principal) -> InputImage:
    """What a door made of what it read, such as an image on a larger ground. Raises Unauthenticated, Forbidden."""
    made = uploads.as_mask(image) if kind == InputKind.MASK else uploads.as_image(image)
    return _keep(made, kind, _giver(by))


def keep_found(mask: Image, *, owner: User) -> InputImage:
    """What a worker found in an image of this person, to be used at once."""
    return _keep(uploads.as_mask(mask), InputKind.MASK, owner, is_needed=True)


def sweep() -> int:
    """Forget what no generation needs and nobody used for a day; returns how many rows went."""
    needed = Generation.objects.filter(Q(image=OuterRef("pk")) | Q(mask=OuterRef("pk"))).values("pk")[:1]
    rows = InputImage.objects.filter(used_at__lt=timezone.now() - UNUSED)
    unused = rows.annotate(needed=Subquery(needed)).filter(needed__isnull=True)
    return sum(_drop(row) for row in unused.order_by("used_at")[:500])


@transaction.atomic
def forget_file(path: Path, sha256: str) -> bool:
    """Delete the file of a content that nobody has; False where somebody came to have it meanwhile."""
    _lock_content(sha256)
    if InputImage.objects.filter(sha256=sha256).exists():
        return False
    path.unlink(missing_ok=True)
    return True


@transaction.atomic
def _drop(row: InputImage) -> int:
    _lock_content(row.sha256)
    kept = InputImage.objects.select_for_update().filter(pk=row.pk, used_at__lt=timezone.now() - UNUSED).first()
    if kept is None or Generation.objects.filter(Q(image=kept) | Q(mask=kept)).exists():
        return 0
    row.delete()
    if not InputImage.objects.filter(sha256=row.sha256).exists():
        row.path.unlink(missing_ok=True)
    return 1


@transaction.atomic
def _keep(image: Image, kind: InputKind, owner: User, *, is_needed: bool = False) -> InputImage:
    content = uploads.png(image)
    sha256 = hashlib.sha256(content).hexdigest()
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    _lock_content(sha256)
    known = InputImage.objects.filter(owner=owner, kind=kind, sha256=sha256).first()
    if known is not None:
        known.used_at = timezone.now()
        known.save(update_fields=["used_at"])
        _keep_content(known, content)
        return known
    if not is_needed:
        _require_room(owner)
    made = InputImage(
        owner=owner,
        kind=kind,
        sha256=sha256,
        size=len(content),
        width=image.width,
        height=image.height,
        used_at=timezone.now(),
    )
    _keep_content(made, content)
    made.save()
    return made


def _keep_content(row: InputImage, content: bytes) -> None:
    """Also for a row that lost its file."""
    if not row.path.exists():
        keep_file(row.path, content)


def _require_room(owner: User) -> None:
    used = Generation.objects.filter(owner=owner).exclude(image=None)
    rows = InputImage.objects.filter(owner=owner).exclude(pk__in=used.values(key=F("image")))
    if rows.exclude(pk__in=used.exclude(mask=None).values(key=F("mask"))).count() >= MAX_UNUSED:
        raise TooManyRequests(
            _("You have given %(most)d images that nothing was made of yet.") % {"most": MAX_UNUSED},
            hint=_("Use them, or wait a day: then they are forgotten."),
            retry_after=3600,
        )


def _giver(by: Principal) -> User:
    if by.user is None:
        raise Unauthenticated(_("Log in to make pictures."), hint=_("Programs send an access token."))
    if not rules.may_give_images(by):
        raise Forbidden(
            _("You may not give images with this credential."),
            hint=_("Use an access token with write scope, or one that may generate pictures."),
        )
    return by.user


def _opened(content: bytes, field: str) -> Image:
    """Decoded in the cage first; what comes out of it is a PNG of ours."""
    if len(content) > uploads.MAX_BYTES:
        raise Unprocessable(
            _("An image has at most %(most)d MB.") % {"most": uploads.MAX_BYTES // 2**20},
            hint=_("Make it smaller."),
            field=field,
        )
    try:
        drawn, _kind = redrawn(content, most=_MOST_DRAWN, lossless=True)
    except Invalid as refusal:
        raise Unprocessable(
            _("This is no image that can be read."), hint=_("Send PNG, JPEG, WebP or GIF."), field=field
        ) from refusal
    image = uploads.opened(drawn)
    if not uploads.is_reasonable(*image.size):
        raise Unprocessable(
            _("An image has at most %(pixels)d pixels, and its sides differ by at most %(ratio)d times.")
            % {"pixels": uploads.MAX_PIXELS, "ratio": uploads.MAX_RATIO},
            hint=_("Make it smaller."),
            field=field,
        )
    return image


def _lock_content(sha256: str) -> None:
    """Within the transaction nobody else keeps or forgets this content."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(sha256[:15], 16)])
