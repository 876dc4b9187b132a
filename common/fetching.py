"""Reading a small JSON document from a server that a stranger named, over common/outgoing.py.

Only https is read, and no redirect is followed.
"""

import json
import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from common import outgoing

TIMEOUT = 10
LIMIT = 256 * 1024
_HEADERS = {"Accept": "application/json", "User-Agent": "Wellspring"}


class FetchFailed(Exception):
    """The document could not be read; the text says why."""


def fetch_json(url: str) -> dict[str, Any]:
    """The JSON object at this address. Raises FetchFailed."""
    is_test = settings.FETCH_FROM_PRIVATE_ADDRESSES
    if not url.startswith(("https://", "http://") if is_test else "https://"):
        raise FetchFailed("The address must begin with https://.")
    try:
        host = urlsplit(url).hostname
        with outgoing.exchange("GET", url, _HEADERS, end=time.monotonic() + TIMEOUT, loopback=is_test) as response:
            body = response.read(LIMIT + 1)
    except outgoing.AddressRefused as refused:
        raise FetchFailed(str(refused)) from refused
    except (outgoing.NoAnswer, *outgoing.FAULTS) as error:
        raise FetchFailed(f"{url[:200]} did not answer: {error}") from error
    if response.status != 200:
        raise FetchFailed(f"{host} answered {response.status}.")
    if len(body) > LIMIT:
        raise FetchFailed(f"The answer of {host} is too long.")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FetchFailed(f"The answer of {host} is not JSON.") from error
    if not isinstance(value, dict):
        raise FetchFailed(f"The answer of {host} is not a JSON object.")
    return value
