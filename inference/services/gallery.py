"""Likes and remixes of pictures that are shown."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Forbidden, NotFound
from inference import rules
from inference.models import Generation, Picture, PictureLike, Remix
from inference.selectors.pictures import visible_pictures
from inference.services.generations import request_generation
from inference.services.planning import Wanted


@transaction.atomic
def like(picture: Picture, *, liked: bool, by: Principal) -> None:
    """Like it or no longer; saying it again changes nothing. Raises Forbidden, NotFound."""
    if by.user is None or not rules.may_keep_albums(by):
        raise Forbidden(_("You may not like pictures with this credential."))
    if not visible_pictures(by).filter(pk=picture.pk).exists():
        raise NotFound(_("There is no such picture, or it is not yours to see."), hint=_("Log in as its owner."))
    if liked:
        row = PictureLike(user=by.user, picture=picture)
        PictureLike.objects.bulk_create([row], ignore_conflicts=True)
    else:
        PictureLike.objects.filter(user=by.user, picture=picture).delete()


@transaction.atomic
def draw(principal: Principal, wanted: Wanted, *, remix_of: Picture | None = None, **request: Any) -> Generation:
    """As `request_generation`, and credit the picture whose parameters it began with."""
    generation = request_generation(principal, wanted, **request)
    if remix_of is not None:
        Remix.objects.get_or_create(generation=generation, defaults={"picture": remix_of})
    return generation
