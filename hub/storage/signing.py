"""Links that open one door to one object for a while.

A link carries what it allows (method, object, end of its time, perhaps a byte
range and a file name) and an HMAC over all of it. Whoever holds the link may use
it; nobody can make or alter one without the secret.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from hub.storage.errors import BadSignature

_CONTEXT = b"object-link-1"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a link allows.

    ``method`` is GET (HEAD goes with it) or PUT, ``key`` names the object and its kind
    (``objects/<sha256>``, ``xorbs/<hash>``, ``uploads/<key>/<part>``), ``expires`` is Unix
    time in seconds, ``byte_range`` the first and last byte that may be read, ``filename``
    what a browser calls the file.
    """

    method: str
    key: str
    expires: int
    byte_range: tuple[int, int] | None = None
    filename: str | None = None


def sign(secret: bytes, grant: Grant) -> dict[str, str]:
    """The query parameters that go with the link (``key`` and method travel in the request)."""
    query = {"expires": str(grant.expires)}
    if grant.byte_range is not None:
        query["range"] = f"{grant.byte_range[0]}-{grant.byte_range[1]}"
    if grant.filename is not None:
        query["filename"] = grant.filename
    return query | {"signature": _signature(secret, grant)}


def signed_url(secret: bytes, base_url: str, grant: Grant) -> str:
    """``base_url/<key>?…``, ready to be handed out."""
    return f"{base_url.rstrip('/')}/{grant.key}?{urlencode(sign(secret, grant))}"


def verify(secret: bytes, method: str, key: str, query: Mapping[str, str], *, now: float | None = None) -> Grant:
    """What a request's link allows. Raises BadSignature, telling nothing but "too old".

    The caller still has to keep to ``byte_range``.
    """
    wanted = "GET" if method == "HEAD" else method
    try:
        grant = Grant(wanted, key, int(query["expires"]), _byte_range(query.get("range")), query.get("filename"))
        given = query["signature"]
    except (KeyError, ValueError):
        raise BadSignature("this link is not valid") from None
    if not hmac.compare_digest(_signature(secret, grant).encode(), given.encode("utf-8", "replace")):
        raise BadSignature("this link is not valid")
    if grant.expires < (time.time() if now is None else now):
        raise BadSignature("this link is too old; ask for a new one")
    return grant


def _byte_range(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, last = text.split("-")
    return int(first), int(last)


def _signature(secret: bytes, grant: Grant) -> str:
    fields = [grant.method, grant.key, str(grant.expires)]
    fields.append("" if grant.byte_range is None else f"{grant.byte_range[0]}-{grant.byte_range[1]}")
    # No file name and an empty one are different things.
    fields.append("" if grant.filename is None else "=" + grant.filename)
    # Each field is preceded by its length: no two grants share a message.
    raw = [field.encode("utf-8", "surrogatepass") for field in fields]
    message = b"".join(b"%d:%s," % (len(field), field) for field in raw)
    return hmac.new(secret, _CONTEXT + message, hashlib.sha256).hexdigest()
