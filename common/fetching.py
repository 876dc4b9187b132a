"""Reading a small JSON document from a server that a stranger named.

Such an address could point into our own network, so only https to public addresses is followed, to the
address that was checked and no other, without redirects, and no more than a small answer is read.
"""

import http.client
import ipaddress
import json
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from common.outgoing import AddressRefused, require_public

TIMEOUT = 5
LIMIT = 256 * 1024


class FetchFailed(Exception):
    """The document could not be read; the text says why."""


def fetch_json(url: str) -> dict[str, Any]:
    """The JSON object at this address. Raises FetchFailed."""
    parts = urlsplit(url)
    is_plain = parts.scheme == "http" and settings.FETCH_FROM_PRIVATE_ADDRESSES
    if not parts.hostname or not (parts.scheme == "https" or is_plain) or parts.username is not None:
        raise FetchFailed("The address must begin with https://.")
    try:
        port = parts.port or (80 if is_plain else 443)
        address = _public_address(parts.hostname, port)
        connection = _Pinned(parts.hostname, port, address, is_plain=is_plain)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={"Accept": "application/json", "User-Agent": "Wellspring"})
            response = connection.getresponse()
            body = response.read(LIMIT + 1)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchFailed(f"{parts.hostname} did not answer: {error}") from error
    if response.status != 200:
        raise FetchFailed(f"{parts.hostname} answered {response.status}.")
    if len(body) > LIMIT:
        raise FetchFailed(f"The answer of {parts.hostname} is too long.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FetchFailed(f"The answer of {parts.hostname} is not JSON.") from error
    if not isinstance(value, dict):
        raise FetchFailed(f"The answer of {parts.hostname} is not a JSON object.")
    return value


def _public_address(host: str, port: int) -> str:
    """One address of the host, if none of its addresses is ours or our network's."""
    found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    if not settings.FETCH_FROM_PRIVATE_ADDRESSES and not all(_is_public(address) for address in found):
        raise FetchFailed(f"{host} is not a public address.")
    return min(found)


def _is_public(address: str) -> bool:
    try:
        require_public(ipaddress.ip_address(address.partition("%")[0]))
    except AddressRefused:
        return False
    return True


class _Pinned(http.client.HTTPConnection):
    """Connects to the address that was checked, whatever the name resolves to by now."""

    def __init__(self, host: str, port: int, address: str, *, is_plain: bool) -> None:
        super().__init__(host, port, timeout=TIMEOUT)
        self.address = address
        self.is_plain = is_plain

    def connect(self) -> None:
        self.sock = socket.create_connection((self.address, self.port), self.timeout)
        if not self.is_plain:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
