"""Reading from addresses that strangers chose, with the care of common/outgoing.py.

Redirects are followed, for large files lie on other servers than the lists of them: each hop is
looked at like the first, none leads from https to http, and what is secret goes to the first
server only. Everything ends by a deadline that the caller sets.
"""

import http.client
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from common import outgoing
from common.outgoing import AddressRefused, PostFailed

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
        except (OSError, http.client.HTTPException, ValueError) as error:
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
        if len(body) < int(self.headers.get("content-length", "0") or 0):
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
    first = _origin(url)
    for _hop in range(MAX_REDIRECTS + 1):
        sent = {**headers, **(secret or {})} if _origin(url) == first else dict(headers)
        with _request(url, sent, end, loopback) as answer:
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
def _request(url: str, headers: Mapping[str, str], end: float, loopback: bool) -> Iterator[Answer]:
    target = outgoing.check(url, loopback=loopback)
    try:
        connected = outgoing.connect(target, outgoing.resolve(target, loopback), min(end, time.monotonic() + SILENCE))
    except PostFailed as failed:
        raise DownloadFailed(str(failed)) from failed
    watchdog = None
    try:
        try:
            connected.settimeout(SILENCE)
            if target.scheme == "https":
                connected = ssl.create_default_context().wrap_socket(connected, server_hostname=target.host)
            # A server that sends a byte now and then never runs into the timeout of a single read.
            watchdog = threading.Timer(max(0.01, end - time.monotonic()), outgoing.cut, [connected])
            watchdog.daemon = True
            watchdog.start()
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = connected
            connection.putrequest("GET", target.path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", target.host_header)
            for name, value in {**headers, "Accept-Encoding": "identity", "Connection": "close"}.items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DownloadFailed(f"No useful answer: {type(error).__name__}: {error}"[:300]) from error
        yield Answer(response.status, found, url, response, end)
    finally:
        if watchdog is not None:
            watchdog.cancel()
        with suppress(OSError):
            connected.close()


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
