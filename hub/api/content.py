"""Sending bytes: whole, in part, or not at all because the client has them (RFC 9110).

Plain objects go out by sendfile (through the server's file wrapper), files kept as Xet
are rebuilt while they are sent, small files come out of git. Long transfers give their
database connection back first.
"""

import mimetypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header

from common.parts import FilePart
from hub import stores
from hub.algorithms.ranges import RangeNotSatisfiable, parse_range, same_entity
from hub.api.bodies import release_connection
from hub.api.metering import is_metered, metered, reserve
from hub.models import LargeObject
from hub.storage.objects import ObjectStore, Shown

_BLOCK = 256 * 1024
_LONG = 8 * 1024 * 1024  # bytes; shorter answers keep their connection
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; sandbox"
# Shown in a browser as what they are; everything else that is text is shown as plain text.
_SHOWN = frozenset(
    {
        "application/pdf", "audio/flac", "audio/mpeg", "audio/ogg", "audio/wav", "audio/x-wav", "image/bmp",
        "image/gif", "image/jpeg", "image/png", "image/svg+xml", "image/webp", "video/mp4", "video/webm",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Content:
    """Bytes that can be sent: `blocks(first, length)` gives a part of them, `file` opens them for sendfile,
    `path` tells where they lie."""

    size: int
    etag: str
    name: str
    blocks: Callable[[int, int], Iterator[bytes]]
    file: Callable[[], BinaryIO] | None = None
    path: Callable[[], Path | None] | None = None


def of_bytes(data: bytes, *, etag: str, name: str) -> Content:
    return Content(len(data), etag, name, lambda first, length: iter([data[first : first + length]]))


def of_object(found: LargeObject, *, name: str) -> Content:
    """An object from where it lies: plain if there is a plain copy, else rebuilt from its Xet terms."""
    if found.is_plain:
        return of_stored(stores.plain_objects(), found.sha256, found.size, name=name)
    return Content(
        found.size,
        found.sha256,
        name,
        lambda first, length: stores.xet_store().read_file(found.xet_hash, first, length),
    )


def of_stored(store: ObjectStore, key: str, size: int, *, name: str = "") -> Content:
    """What lies in a store under its own name."""
    path = store.path(key)
    return Content(
        size,
        key,
        name or key,
        lambda first, length: _Blocks(store.open(key, first, length), length),
        (lambda: path.open("rb")) if path is not None else None,
        (lambda: path) if path is not None else None,
    )


def shown(name: str) -> Shown:
    """How a link straight to the store shows an object. There no policy of ours keeps pictures from running scripts."""
    kind = _content_type(name)
    disposition = _disposition(name)
    if kind == "image/svg+xml":
        disposition = disposition.replace("inline;", "attachment;", 1)
    return Shown(content_type=kind, disposition=disposition)


def answer(request: HttpRequest, content: Content, headers: dict[str, str]) -> HttpResponse:
    """200, 206, 304 or 416, to GET or HEAD."""
    common = _headers(content) | headers
    etag = common["ETag"]
    if same_entity(request.headers.get("If-None-Match"), etag):
        return HttpResponse(status=304, headers=common)
    try:
        part = parse_range(asked_range(request, content.etag), content.size)
    except RangeNotSatisfiable:
        return HttpResponse(status=416, headers=common | {"Content-Range": f"bytes */{content.size}"})
    first, last = part or (0, content.size - 1)
    length = last - first + 1
    common["Content-Length"] = str(length)
    if part is not None:
        common["Content-Range"] = f"bytes {first}-{last}/{content.size}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=common)
    if is_metered(request):
        return _counted(request, content, first, length, status, common)
    if handed_over := _by_the_server_in_front(request, content, common):
        return handed_over
    return _sending(content, first, length, status, common)


def asked_range(request: HttpRequest, etag: str) -> str | None:
    """The Range that counts for this content; None stands for all of it."""
    condition = request.headers.get("If-Range")
    # A validator that is not ours means that the client holds other bytes: it gets all of them.
    return request.headers.get("Range") if condition is None or condition.strip() == f'"{etag}"' else None


def starts_a_download(request: HttpRequest) -> bool:
    """Whether a GET takes the first byte: resumed parts and later ranges are no further download."""
    wanted = request.headers.get("Range", "").replace(" ", "")
    return request.method == "GET" and (not wanted or wanted.startswith("bytes=0-"))


def _by_the_server_in_front(request: HttpRequest, content: Content, headers: dict[str, str]) -> HttpResponse | None:
    """Lets nginx send a file that it can reach (docs/how-to/nginx.md). It reads the Range itself, but knows
    no entity tags of ours: a conditional range stays here."""
    if not settings.SENDFILE_PREFIX or content.path is None or "If-Range" in request.headers:
        return None
    path = content.path()
    if path is None:
        return None
    kept = {name: value for name, value in headers.items() if name not in {"Content-Length", "Content-Range"}}
    place = path.relative_to(settings.OBJECTS_ROOT).as_posix()
    return HttpResponse(headers=kept | {"X-Accel-Redirect": f"{settings.SENDFILE_PREFIX}{place}"})


def _counted(
    request: HttpRequest, content: Content, first: int, length: int, status: int, headers: dict[str, str]
) -> HttpResponse:
    """Block by block through here, because nobody else tells how much of it left."""
    usage = reserve(request, length)
    if length > _LONG:
        release_connection()
    response = StreamingHttpResponse(status=status, headers=headers)
    return metered(response, usage, content.blocks(first, length), length)  # type: ignore[arg-type]


def _sending(content: Content, first: int, length: int, status: int, headers: dict[str, str]) -> HttpResponse:
    if length > _LONG:
        release_connection()
    response: HttpResponse
    if content.file is not None:
        part = FilePart(content.file(), first, length)
        response = FileResponse(part, status=status, content_type=headers["Content-Type"])
        response.block_size = _BLOCK  # type: ignore[attr-defined]
    else:
        response = StreamingHttpResponse(content.blocks(first, length), status=status)  # type: ignore[assignment]
    for name, value in headers.items():
        response[name] = value
    return response


def _headers(content: Content) -> dict[str, str]:
    kind = _content_type(content.name)
    return {
        "ETag": f'"{content.etag}"',
        "Accept-Ranges": "bytes",
        "Content-Type": kind,
        "Content-Disposition": _disposition(content.name),
        "Content-Length": str(content.size),
        # Files are written by strangers: none of them may run as a page of this site.
        "Content-Security-Policy": _SANDBOX,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "private, no-cache",
    }


def _disposition(name: str) -> str:
    """`inline; filename*=…; filename="…";`: clients read the last part for their progress bars."""
    plain = name.encode("ascii", "replace").decode().replace("\\", "_").replace('"', "_")
    encoded = (content_disposition_header(False, name) or "").partition("filename*=")[2]
    star = f"filename*={encoded}; " if encoded else ""
    return f'inline; {star}filename="{plain}";'


def _content_type(name: str) -> str:
    kind = mimetypes.guess_type(name)[0] or ""
    if kind in _SHOWN:
        return kind
    if kind.startswith("text/") or kind in {"application/json", "application/x-yaml"} or name.endswith(_TEXT):
        return "text/plain; charset=utf-8"
    return "application/octet-stream"


_TEXT = (".md", ".yaml", ".yml", ".toml", ".txt", ".py", ".jsonl", ".gitattributes", ".gitignore", "LICENSE")


class _Blocks:
    """An open file in blocks. Not a generator: closing one that never began leaves its file open."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def __iter__(self) -> "_Blocks":
        return self

    def __next__(self) -> bytes:
        block = self._file.read(min(_BLOCK, self._left)) if self._left > 0 else b""
        if not block:
            self.close()
            raise StopIteration
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._left = 0
        self._file.close()
