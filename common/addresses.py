"""Where this site is, and where a request comes from.

A proxy's word counts only for proxies that the operator trusts.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from django.utils.encoding import iri_to_uri

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def absolute(path: str) -> str:
    """The address of a path of this site, under its own base URL whatever `Host` a request names."""
    return iri_to_uri(settings.BASE_URL + path)


def client_address(request: HttpRequest) -> str:
    """The client's network address, or "" when nobody knows (a socket without one).

    Each proxy adds whom it heard to the right end of X-Forwarded-For, and what a client wrote
    there itself stands on the left. So it is read from the right, as long as those who speak
    are trusted.
    """
    heard = request.META.get("REMOTE_ADDR", "")
    claims = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    while claims and _is_trusted(heard):
        claimed = claims.pop()
        if _parsed(claimed) is None:
            break
        heard = claimed
    return heard


def network_of(address: str) -> str:
    """What is counted as one client: an IPv4 address, the /64 of an IPv6 address."""
    found = _parsed(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found) if found is not None else address


def _is_trusted(address: str) -> bool:
    found = _parsed(address)
    return found is not None and any(found in network for network in _networks(tuple(settings.TRUSTED_PROXIES)))


@lru_cache(maxsize=4)
def _networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(name, strict=False) for name in names)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
