"""Reading a repository of another hub by the Hub API: what it is, what is in it, the bytes.

Everything goes through common/downloading.py: the stock client would follow redirects into our own
network (docs/decisions/069).
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from django.conf import settings

from common.downloading import Answer, DownloadFailed, get
from hub.algorithms.redistribution import licences_of
from hub.enums import RepositoryKind

SECONDS = 60  # for one answer that is no file
SLOWEST = 64 * 1024  # bytes a second that a file must come with
MAX_LIST = 32 * 2**20
MAX_FILES = 50_000
MAX_SMALL = 32 * 2**20  # bytes of a file that git keeps
_PAGES = 1000


class SourceClosed(Exception):
    """Missing, private or gated: the two cannot be told apart from outside."""


class SourceWrong(Exception):
    """What came is not what was announced."""


@dataclass(frozen=True)
class Info:
    """A repository of another hub at one commit."""

    commit: str
    is_private: bool
    is_gated: bool
    licences: list[str]


@dataclass(frozen=True)
class SourceFile:
    """A file there. `sha256` is empty for what git keeps itself; `size` is that of the content."""

    path: str
    oid: str
    size: int
    sha256: str = ""


@dataclass(frozen=True)
class Source:
    """One repository of another hub."""

    endpoint: str
    kind: str
    name: str
    token: str = ""

    def info(self, revision: str) -> Info:
        """At a revision, or the head of the default branch. Raises SourceClosed, DownloadFailed, AddressRefused."""
        found = self._json(f"{self._api}/revision/{quote(revision, safe='')}" if revision else self._api)[0]
        commit = found.get("sha") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not _is_hex(commit, 40):
            raise DownloadFailed("The answer is not that of a hub.")
        assert isinstance(commit, str)
        return Info(commit, found.get("private") is True, bool(found.get("gated")), licences_of(found))

    def require_access(self) -> None:
        """Of what is gated the description is told to everybody, the files are not. Raises as `info` does."""
        with self._get(f"{self._api}/auth-check", SECONDS):
            return

    def files(self, commit: str) -> list[SourceFile]:
        """All files of a commit, by path. Raises as `info` does, and SourceWrong."""
        url: str | None = f"{self._api}/tree/{commit}?recursive=true"
        found: dict[str, SourceFile] = {}
        for _page in range(_PAGES):
            if url is None:
                return sorted(found.values(), key=lambda file: file.path)
            entries, url = self._json(url)
            if not isinstance(entries, list):
                raise DownloadFailed("The answer is not that of a hub.")
            for file in filter(None, map(_file_of, entries)):
                found[file.path] = file
            if len(found) > MAX_FILES:
                raise SourceWrong(f"It has more than {MAX_FILES} files.")
        raise SourceWrong("Its list of files has no end.")

    def small_file(self, commit: str, file: SourceFile) -> bytes:
        """The bytes of what git keeps, proven by the blob's name. Raises as `files` does."""
        if file.size > MAX_SMALL:
            raise SourceWrong(f"{file.path} has {file.size} bytes and is not a large file.")
        with self._get(self._resolve(commit, file.path), SECONDS + file.size / SLOWEST) as answer:
            data = answer.read_all(MAX_SMALL)
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        if blob != file.oid:
            raise SourceWrong(f"{file.path} is not the file that the list of files names.")
        return data

    def part(self, commit: str, file: SourceFile, begin: int, length: int, take: Callable[[Answer], None]) -> None:
        """Hand so many bytes of a file from `begin` on to `take`. Raises as `info` does."""
        headers = {} if length == file.size else {"Range": f"bytes={begin}-{begin + length - 1}"}
        with self._get(self._resolve(commit, file.path), SECONDS + length / SLOWEST, headers) as answer:
            require_part(answer, begin, is_part=bool(headers))
            take(answer)

    @property
    def _api(self) -> str:
        return f"{self.endpoint}/api/{RepositoryKind(self.kind).plural}/{self.name}"

    def _resolve(self, commit: str, path: str) -> str:
        return f"{self.endpoint}/{RepositoryKind(self.kind).prefix}{self.name}/resolve/{commit}/{quote(path)}"

    def _json(self, url: str) -> tuple[Any, str | None]:
        """The document and the address of the next page, which must be on the same server."""
        with self._get(url, SECONDS) as answer:
            body, link, base = answer.read_all(MAX_LIST), answer.headers.get("link", ""), answer.url
        try:
            value = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise DownloadFailed("The answer is not JSON.") from error
        following = _next_of(link)
        if following is not None:
            following = urljoin(base, following)
            if urlsplit(following)[:2] != urlsplit(self.endpoint)[:2]:
                raise DownloadFailed("The list of files goes on at another server.")
        return value, following

    def _get(self, url: str, seconds: float, headers: dict[str, str] | None = None) -> "_Checked":
        return _Checked(self, url, seconds, headers or {})


class _Checked:
    """`get`, with what an error status means."""

    def __init__(self, source: Source, url: str, seconds: float, headers: dict[str, str]) -> None:
        secret = {"Authorization": f"Bearer {source.token}"} if source.token else None
        sent = {"User-Agent": "Wellspring-Import/1", **headers}
        loopback = settings.IMPORTS_FROM_LOOPBACK
        self._inner = get(url, sent, secret=secret, seconds=seconds, loopback=loopback)

    def __enter__(self) -> Answer:
        answer = self._inner.__enter__()
        try:
            if answer.status in {401, 403, 404, 410, 451}:
                raise SourceClosed(f"HTTP {answer.status}")
            if answer.status not in {200, 206}:
                raise DownloadFailed(f"HTTP {answer.status}")
        except BaseException:
            self._inner.__exit__(None, None, None)
            raise
        return answer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inner.__exit__(kind, error, trace)


def _file_of(entry: object) -> SourceFile | None:
    """None for folders. Raises SourceWrong."""
    if not isinstance(entry, dict):
        raise SourceWrong("Its list of files cannot be read.")
    if entry.get("type") != "file":
        return None
    path, oid, size = entry.get("path"), entry.get("oid"), entry.get("size")
    lfs = entry.get("lfs")
    sha256: object = ""
    if isinstance(lfs, dict):
        sha256, size = lfs.get("oid"), lfs.get("size", size)
        if not _is_hex(sha256, 64):
            raise SourceWrong("Its list of files cannot be read.")
    if not isinstance(path, str) or not _is_hex(oid, 40) or type(size) is not int or not 0 <= size < 2**62:
        raise SourceWrong("Its list of files cannot be read.")
    return SourceFile(path, str(oid), size, str(sha256))


def _is_hex(value: object, length: int) -> bool:
    return isinstance(value, str) and len(value) == length and set(value) <= set("0123456789abcdef")


def require_part(answer: Answer, begin: int, *, is_part: bool) -> None:
    """Raises DownloadFailed when a part was asked for and something else comes."""
    given = answer.headers.get("content-range", "")
    if is_part and (answer.status != 206 or not given.startswith(f"bytes {begin}-")):
        raise DownloadFailed("The source does not send parts of files.")


def _next_of(link: str) -> str | None:
    """The address of `rel="next"` in a Link header."""
    for part in link.split(","):
        address, _, about = part.partition(";")
        if 'rel="next"' in about.replace(" ", ""):
            return address.strip().removeprefix("<").removesuffix(">")
    return None
