"""Connecting to addresses that strangers chose, without letting them reach into our own network.

The name is resolved once, every address it has must be public, and the connection goes to
the address that was looked at: a name that answers differently the next time gains
nothing. Redirects are not followed, proxies of the environment are not used. Documents are
read by common/fetching.py and files by common/downloading.py, both over `exchange`.
"""

import http.client
import ipaddress
import math
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What reading an answer may raise.
FAULTS = (OSError, http.client.HTTPException, ValueError)

_MAX_URL = 2000
_MAX_ANSWER = 64 * 1024  # bytes of a body that are read at most
_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address
_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that IANA has given to the public Internet
_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291, out of use: the same


class AddressRefused(Exception):
    """This address is never connected to."""


class NoAnswer(Exception):
    """Nothing useful came back; it may at another time."""


@dataclass(frozen=True)
class Target:
    """A checked URL in parts."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _port_of(self.scheme) else f"{name}:{self.port}"


def check(url: str, *, loopback: bool = False) -> Target:
    """The parts of an http(s) URL without looking at its name. Raises AddressRefused."""
    if len(url) > _MAX_URL or not url.isprintable() or any(char.isspace() for char in url):
        raise AddressRefused("The address is too long, or holds spaces or control characters.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise AddressRefused("This is no address.") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise AddressRefused("The address must begin with https:// or http:// and name a server.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("The address must not hold a user name or password.")
    host = _ascii(host)
    port = _port_of(parts.scheme) if port is None else port
    if port not in _PORTS and port < _FIRST_FREE_PORT:
        raise AddressRefused("Of the ports below 1024 only 80 and 443 are connected to.")
    literal = _literal(host)
    if literal is not None:
        require_public(literal, loopback=loopback)
    return Target(parts.scheme, host, port, _path(parts))


def require_public(address: Address, *, loopback: bool = False) -> None:
    """Raises AddressRefused for an address that is not on the public Internet."""
    inner = _unwrapped(address)
    if loopback and inner.is_loopback:
        return
    if not inner.is_global or inner.is_multicast or inner.is_reserved or (inner.version == 6 and inner not in _UNICAST):
        raise AddressRefused(f"{address} is not a public address.")


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, loopback: bool = False) -> int:
    """Post and return the status of the answer, all within so many seconds.

    Raises AddressRefused; NoAnswer when none came in time or none that is HTTP.
    """
    end = time.monotonic() + seconds
    try:
        with exchange("POST", url, headers, body, end=end, loopback=loopback) as response:
            response.read(_MAX_ANSWER)
            if time.monotonic() >= end:  # what was cut off may look like a short answer
                raise TimeoutError
            return response.status
    except FAULTS as error:
        raise _no_answer(error, end) from error


@contextmanager
def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    end: float,
    silence: float = math.inf,
    loopback: bool = False,
) -> Iterator[http.client.HTTPResponse]:
    """One request; the answer as it begins, to be read inside of the block. All is cut off at `end` (monotonic).

    `silence` is how many seconds may go by without a byte. Raises AddressRefused, NoAnswer; reading
    raises FAULTS, and what was cut off may look like a short answer.
    """
    target = check(url, loopback=loopback)
    connected = connect(target, resolve(target, loopback), min(end, time.monotonic() + silence))
    watchdog = None
    try:
        try:
            connected.settimeout(min(silence, max(0.01, end - time.monotonic())))
            if target.scheme == "https":
                connected = ssl.create_default_context().wrap_socket(connected, server_hostname=target.host)
            # A server that sends a byte now and then never runs into the timeout of a single read.
            watchdog = threading.Timer(max(0.01, end - time.monotonic()), _cut, [connected])
            watchdog.daemon = True
            watchdog.start()
            response = _ask(method, target, connected, headers, body)
        except FAULTS as error:
            raise _no_answer(error, end) from error
        with response:
            yield response
    finally:
        if watchdog is not None:
            watchdog.cancel()
        with suppress(OSError):
            connected.close()


def _ask(
    method: str, target: Target, connected: socket.socket, headers: Mapping[str, str], body: bytes | None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = connected
    connection.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
    length = {} if body is None else {"Content-Length": str(len(body))}
    for name, value in {"Host": target.host_header, **headers, **length, "Connection": "close"}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    return connection.getresponse()


def _no_answer(error: BaseException, end: float) -> NoAnswer:
    return NoAnswer("No answer in time." if time.monotonic() >= end else f"{type(error).__name__}: {error}"[:300])


def resolve(target: Target, loopback: bool) -> list[Address]:
    """The addresses of a name, all of them public. Raises AddressRefused, NoAnswer."""
    literal = _literal(target.host)
    if literal is not None:
        found = [literal]
    else:
        try:
            rows = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NoAnswer(f"The name {target.host} has no address.") from error
        found = list(dict.fromkeys(ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows))
    for address in found:
        require_public(address, loopback=loopback)
    return found


def connect(target: Target, addresses: list[Address], end: float) -> socket.socket:
    """To the first of these addresses that answers. Raises NoAnswer."""
    error: OSError | None = None
    for address in addresses:
        left = end - time.monotonic()
        if left <= 0:
            break
        try:
            return socket.create_connection((str(address), target.port), timeout=left)
        except OSError as failure:
            error = failure
    raise NoAnswer(f"No connection: {error or 'no answer in time'}"[:300]) from error


def _cut(connected: socket.socket) -> None:
    """End a connection that another thread reads from."""
    try:
        socket.socket.shutdown(connected, socket.SHUT_RDWR)  # below TLS, which would wait for the other side
    except OSError:
        return  # it is closed already


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _TRANSLATED or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _literal(host: str) -> Address | None:
    """The address when the host is written as one, in any of the spellings that systems understand."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        # `2130706433`, `0x7f.1` and `127.1` are 127.0.0.1 to the resolver.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _ascii(host: str) -> str:
    try:
        host.encode("ascii")
        return host
    except UnicodeEncodeError:
        pass
    try:
        return host.encode("idna").decode()
    except UnicodeError as error:
        raise AddressRefused("The name of the server is not valid.") from error


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    return f"{path}?{query}" if query else path


def _port_of(scheme: str) -> int:
    return 443 if scheme == "https" else 80
