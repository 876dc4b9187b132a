"""Reading from addresses that strangers chose, over common/outgoing.py.

Redirects of a GET are followed, for large files lie on other servers than the lists of them: each hop
is looked at like the first, none leads from https to http, and what is secret goes to the first
server only. Everything ends by a deadline that the caller sets.
"""

import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from common import outgoing
from common.outgoing import AddressRefused

MAX_REDIRECTS = 5
SILENCE = 30  # seconds without a byte, after which a server has stopped answering
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class DownloadFailed(Exception):
    """No useful answer; there may be one at another time."""


@dataclass
class Answer:
    """What came back: status, headers in small letters, and the bytes as they are read."""

    status: int
    headers: dict[str, str]
    url: str
    response: http.client.HTTPResponse
    end: float

    def read(self, size: int = 2**20, /) -> bytes:
        """Some bytes, at most so many; b"" at the end. Raises DownloadFailed."""
        try:
            block = self.response.read1(size)
        except outgoing.FAULTS as error:
            raise DownloadFailed(f"The answer broke off: {error}"[:300]) from error
        if time.monotonic() >= self.end:  # what was cut off may look like a short answer
            raise DownloadFailed("The answer came too slowly.")
        return block

    def read_all(self, limit: int) -> bytes:
        """The whole body. Raises DownloadFailed when it breaks off or is longer than `limit`."""
        body = bytearray()
        while block := self.read():
            body += block
            if len(body) > limit:
                raise DownloadFailed(f"The answer has more than {limit} bytes.")
        if self.response.length:  # what Content-Length promised and did not come
            raise DownloadFailed("The answer broke off.")
        return bytes(body)


@contextmanager
def get(
    url: str,
    headers: Mapping[str, str],
    *,
    secret: Mapping[str, str] | None = None,
    seconds: float,
    loopback: bool = False,
) -> Iterator[Answer]:
    """The answer to a GET, after redirects. `secret` headers go to the server of `url` and no other.

    Raises AddressRefused, DownloadFailed; an error status is an answer too.
    """
    end = time.monotonic() + seconds
    first = origin(url)
    for _hop in range(MAX_REDIRECTS + 1):
        sent = {**headers, **(secret or {})} if origin(url) == first else dict(headers)
        with _request("GET", url, sent, None, end, loopback) as answer:
            place = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not place:
                yield answer
                return
        following = urljoin(url, place)
        if urlsplit(url).scheme == "https" and urlsplit(following).scheme != "https":
            raise AddressRefused("The server leads from https to http.")
        url = following
    raise DownloadFailed("The server leads in circles.")


@contextmanager
def post(
    url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, loopback: bool = False
) -> Iterator[Answer]:
    """The answer to a POST; a redirect is an answer like any other. Raises as `get` does."""
    with _request("POST", url, headers, body, time.monotonic() + seconds, loopback) as answer:
        yield answer


def origin(url: str) -> tuple[str, str]:
    """Scheme and server of an address."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


@contextmanager
def _request(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, end: float, loopback: bool
) -> Iterator[Answer]:
    sent = {**headers, "Accept-Encoding": "identity"}
    try:
        with outgoing.exchange(method, url, sent, body, end=end, silence=SILENCE, loopback=loopback) as response:
            found = {name.lower(): value for name, value in response.getheaders()}
            yield Answer(response.status, found, url, response, end)
    except outgoing.NoAnswer as failed:
        raise DownloadFailed(str(failed)) from failed
