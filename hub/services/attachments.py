"""Pictures in comments (docs/decisions/072): uploaded first, named by a comment then, gone with it."""

import re
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Forbidden, Invalid, Unauthenticated
from common.services import audit
from hub import rules
from hub.models import Attachment, DiscussionEvent
from hub.services import holdings, objects, quotas, redrawing

MAX_BYTES = 10_000_000  # as clients know it
UNUSED = timedelta(days=1)
TYPES = redrawing.TYPES
_NAMED = re.compile(r"/uploads/([A-Za-z0-9_-]{43})")
_MAX_NAMED = 100  # in one comment


def upload(data: bytes, *, by: Principal) -> Attachment:
    """Keep a picture, drawn anew.

    Raises Unauthenticated, Forbidden, Invalid, FileTooLarge, StorageFull, TooManyRequests, Unavailable.
    """
    if by.user is None:
        raise Unauthenticated(_("Log in to upload a picture."), hint=_("Programs send an access token."))
    if not rules.may_attach(by):
        raise Forbidden(_("This token may not take part in discussions."), hint=_("Use one that may."))
    if len(data) > MAX_BYTES:
        raise Invalid(_("A picture has at most %(size)s MB.") % {"size": MAX_BYTES // 1_000_000})
    quotas.require_offer(by.user.namespace.pk, len(data))  # early; what counts is the picture that is kept
    drawn, media_type = redrawing.redrawn(data, most=2 * MAX_BYTES)
    found = objects.keep_picture(drawn)
    with transaction.atomic():
        made = holdings.attach(found, key=secrets.token_urlsafe(32), media_type=media_type, by=by.user)
        audit.record("attachment.uploaded", made.key, actor=by, size=found.size)
    return made


def take_up(event: DiscussionEvent) -> None:
    """Pictures of its author that a comment names belong to it from now on, unless another one has them."""
    keys = list(dict.fromkeys(_NAMED.findall(event.text)))[:_MAX_NAMED]
    if keys and event.author_id is not None:
        Attachment.objects.filter(key__in=keys, uploaded_by=event.author_id, event=None).update(event=event)


def drop(event: DiscussionEvent) -> None:
    """A comment is hidden, so its pictures go."""
    holdings.detach(Attachment.objects.filter(event=event))


def drop_unused() -> int:
    """Forget pictures that no comment has named for a day."""
    return holdings.detach(Attachment.objects.filter(event=None, uploaded_at__lt=timezone.now() - UNUSED))
