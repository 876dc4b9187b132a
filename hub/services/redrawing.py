"""Strangers' pictures, drawn anew by the reader in its cage: decoders meet their bytes nowhere else (064)."""

from threading import BoundedSemaphore

from django.conf import settings
from django.utils.translation import gettext as _

from common.errors import Invalid, TooManyRequests, Unavailable
from hub.viewer import asking
from hub.viewer.asking import Limits, Source

TYPES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}
_pencil = BoundedSemaphore(1)  # one picture at a time and process
_PATIENCE = 20.0


def redrawn(data: bytes, *, most: int, lossless: bool = False) -> tuple[bytes, str]:
    """The picture without what came along with it, of at most so many bytes, and its media type.

    `lossless` gives the first frame as PNG, whatever it was. Raises Invalid, TooManyRequests, Unavailable.
    """
    if not _pencil.acquire(timeout=_PATIENCE):
        raise TooManyRequests(_("Many pictures come in right now."), hint=_("Try again in a minute."), retry_after=30)
    try:
        source = Source(len(data), lambda start, length: data[start : start + length])
        limits = Limits(settings.VIEWER_MEMORY, settings.VIEWER_SECONDS, output=most)
        answer = asking.ask({"do": "redraw", "lossless": lossless}, [source], limits=limits)
    except asking.NoCage as error:
        raise Unavailable(_("This machine cannot read strangers' files safely, so it does not.")) from error
    except (asking.Refused, asking.OutOfTime, asking.OutOfMemory) as error:
        raise _no_picture() from error
    finally:
        _pencil.release()
    if not answer.value or len(answer.parts) != 1 or answer.value.get("type") not in TYPES:
        raise _no_picture()
    return answer.parts[0], str(answer.value["type"])


def _no_picture() -> Invalid:
    return Invalid(
        _("This is no picture that can be shown here."),
        hint=_("Send PNG, JPEG, WebP or GIF of up to 64 million pixels."),
    )
