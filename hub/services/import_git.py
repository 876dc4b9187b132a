"""Reading the history of a repository of another hub: refs and packs by git's smart HTTP, large objects by LFS.

All of it goes through common/downloading.py like the rest of an import, so git itself
connects to nothing and sees no token (docs/decisions/071).
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from common import downloading
from common.downloading import Answer, DownloadFailed, get, origin
from hub.algorithms import git_wire
from hub.algorithms.git_wire import WireError
from hub.enums import RepositoryKind
from hub.git.lfs_pointer import Pointer
from hub.git.smart_http import MAX_PUSH, UPLOAD_PACK
from hub.services.import_sources import SECONDS, SLOWEST, Source, SourceClosed, SourceWrong, require_part

MAX_PACK = MAX_PUSH
PACK_SECONDS = 3600
MAX_REFS = 32 * 2**20  # bytes of a list
_CLOSED = {401, 403, 404, 410, 451}
_LFS = "application/vnd.git-lfs+json"


class NotGit(Exception):
    """The source has no git for us."""


@dataclass(frozen=True)
class Seen:
    """The refs of a source and the one that HEAD names."""

    refs: dict[str, str]
    head: str


@dataclass(frozen=True)
class Link:
    """Where an object can be read, and what that server is to be told."""

    url: str
    headers: dict[str, str]


class Remote:
    """The same repository as a Source, by git."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.address = f"{source.endpoint}/{RepositoryKind(source.kind).prefix}{source.name}.git"

    def refs(self) -> Seen:
        """Raises NotGit, DownloadFailed, AddressRefused."""
        url = f"{self.address}/info/refs?service={UPLOAD_PACK}"
        with get(url, _HEADERS, secret=self._secret, seconds=SECONDS, loopback=_loopback()) as answer:
            if answer.status in _CLOSED or origin(answer.url) != origin(url):
                raise NotGit(f"HTTP {answer.status}")
            if answer.status != 200:
                raise DownloadFailed(f"HTTP {answer.status}")
            if not _is(answer, f"application/x-{UPLOAD_PACK}-advertisement"):
                raise NotGit("The answer is not that of git.")
            try:
                git_wire.require_version_2(_Limited(answer, MAX_REFS))
            except WireError as error:
                raise NotGit(str(error)) from error
            self.address = answer.url.partition("/info/refs?")[0]  # a repository that was renamed
        with self._asked(git_wire.list_request(), SECONDS) as answer, _told():
            return Seen(*git_wire.refs_of(_Limited(answer, MAX_REFS)))

    @contextmanager
    def pack(self, wants: Sequence[str], haves: Iterable[str]) -> Iterator[Iterator[bytes]]:
        """The blocks of a pack with what leads to `wants` and not to `haves`. Raises as `refs` does."""
        with self._asked(git_wire.fetch_request(wants, haves), PACK_SECONDS) as answer, _told():
            yield git_wire.pack_of(answer)

    def links(self, pointers: Iterable[Pointer]) -> dict[str, Link]:
        """By sha256; objects that the source does not have are left out. Raises SourceClosed, DownloadFailed."""
        wanted = [{"oid": pointer.sha256, "size": pointer.size} for pointer in pointers]
        body = json.dumps({"operation": "download", "transfers": ["basic"], "objects": wanted, "hash_algo": "sha256"})
        headers = _HEADERS | {"Accept": _LFS, "Content-Type": _LFS}
        with self._post(f"{self.address}/info/lfs/objects/batch", body.encode(), headers, SECONDS) as answer:
            data = answer.read_all(MAX_REFS)
        try:
            objects = json.loads(data)["objects"]
            return {one["oid"]: self._link(one) for one in objects if "error" not in one}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DownloadFailed("The answer about large files is not that of LFS.") from error

    def part(self, pointer: Pointer, link: Link, begin: int, length: int, take: Callable[[Answer], None]) -> None:
        """Hand so many bytes of an object from `begin` on to `take`. Raises as `refs` does."""
        ranged = {} if length == pointer.size else {"Range": f"bytes={begin}-{begin + length - 1}"}
        sent = {"User-Agent": _HEADERS["User-Agent"], **ranged}
        seconds = SECONDS + length / SLOWEST
        with get(link.url, sent, secret=link.headers, seconds=seconds, loopback=_loopback()) as answer:
            if answer.status not in {200, 206}:
                raise DownloadFailed(f"HTTP {answer.status}")
            require_part(answer, begin, is_part=bool(ranged))
            take(answer)

    def _link(self, one: dict[str, Any]) -> Link:
        found = one["actions"]["download"]
        url, more = found["href"], found.get("header") or {}
        if self.address.startswith("https:") and not url.startswith("https:"):
            raise SourceWrong("It leads from https to http.")
        headers = {name: str(value) for name, value in more.items() if name.lower().startswith(("authorization", "x-"))}
        if not one.get("authenticated") and origin(url) == origin(self.address):
            headers = self._secret | headers
        return Link(url, headers)

    @contextmanager
    def _asked(self, body: bytes, seconds: float) -> Iterator[Answer]:
        headers = _HEADERS | {
            "Content-Type": f"application/x-{UPLOAD_PACK}-request",
            "Accept": f"application/x-{UPLOAD_PACK}-result",
        }
        with self._post(f"{self.address}/{UPLOAD_PACK}", body, headers, seconds) as answer:
            if not _is(answer, f"application/x-{UPLOAD_PACK}-result"):
                raise DownloadFailed("The answer is not that of git.")
            yield answer

    @contextmanager
    def _post(self, url: str, body: bytes, headers: dict[str, str], seconds: float) -> Iterator[Answer]:
        sent = headers | self._secret
        with downloading.post(url, body, sent, seconds=seconds, loopback=_loopback()) as answer:
            if answer.status in _CLOSED:
                raise SourceClosed(f"HTTP {answer.status}")
            if answer.status != 200:
                raise DownloadFailed(f"HTTP {answer.status}")
            yield answer

    @property
    def _secret(self) -> dict[str, str]:
        """Git servers of hubs take a token as the password of anybody."""
        if not self.source.token:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"token:{self.source.token}".encode()).decode()}


_HEADERS = {"User-Agent": "Wellspring-Import/1", "Git-Protocol": "version=2"}


class _Limited:
    """An answer that may be so long and no longer."""

    def __init__(self, answer: Answer, limit: int) -> None:
        self.answer, self.left = answer, limit

    def read(self, size: int = 65536, /) -> bytes:
        block = self.answer.read(size)
        self.left -= len(block)
        if self.left < 0:
            raise DownloadFailed("The answer is too long.")
        return block


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except WireError as error:
        raise DownloadFailed(str(error)) from error


def _is(answer: Answer, kind: str) -> bool:
    return answer.headers.get("content-type", "").partition(";")[0].strip() == kind


def _loopback() -> bool:
    return bool(settings.IMPORTS_FROM_LOOPBACK)
