"""Fair use: so many requests in a window of time, and so many at once, that nobody keeps others waiting.

Strangers are refused before anything is looked up, so that a refusal costs next to nothing;
people once it is known who they are. All tokens and sessions of a person count together, else
the network that a request comes from (docs/decisions/066).
"""

from collections import Counter
from dataclasses import dataclass
from threading import Lock

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.addresses import client_address, network_of
from common.errors import TooManyRequests
from common.middleware import Handler, refusal_response
from common.services.windows import Standing, Windows
from hub.algorithms.fair_use import Use, use_of
from hub.api.protocol import error_response, sentence


def fair_use_of_strangers(get_response: Handler) -> Handler:
    """For requests that come without any credential."""

    def handle(request: HttpRequest) -> HttpResponse:
        has_credential = "HTTP_AUTHORIZATION" in request.META or settings.SESSION_COOKIE_NAME in request.COOKIES
        if has_credential:
            return get_response(request)
        request.was_counted = True  # type: ignore[attr-defined]
        return _guarded(request, _client_at(request), get_response, is_known=False)

    return handle


def fair_use(get_response: Handler) -> Handler:
    """For all others, when `request.principal` is known; what it does not know is a stranger still."""

    def handle(request: HttpRequest) -> HttpResponse:
        if hasattr(request, "was_counted"):
            return get_response(request)
        principal: Principal = request.principal  # type: ignore[attr-defined]
        if principal.user is None:
            return _guarded(request, _client_at(request), get_response, is_known=False)
        if principal.is_bulk and principal.token is not None:
            return _guarded(
                request, f"bulk {principal.token.pk}", get_response, is_known=True, limit=settings.BULK_RATE
            )
        return _guarded(request, f"person {principal.user.pk}", get_response, is_known=True)

    return handle


class UnderWay:
    """How many requests of each client this process answers at the moment."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, place: str, limit: int) -> bool:
        """Whether there is room for one more; 0 is no limit."""
        with self._lock:
            if limit and self._numbers[place] >= limit:
                return False
            self._numbers[place] += 1
        return True

    def give_back(self, place: str) -> None:
        with self._lock:
            self._numbers[place] -= 1
            if self._numbers[place] <= 0:
                del self._numbers[place]


@dataclass(frozen=True)
class Asked:
    """A request as it is counted."""

    use: Use
    client: str
    is_known: bool
    limit: int  # requests in a window; 0: no limit

    @property
    def place(self) -> str:
        return f"heavy {self.client}" if self.use == Use.HEAVY else self.client

    @property
    def at_once(self) -> int:
        """Bytes that were granted one by one are never held up."""
        if self.use == Use.HEAVY:
            return settings.HEAVY_AT_ONCE
        return 0 if self.is_known or self.use == Use.TRANSFERS else settings.ANONYMOUS_AT_ONCE


_windows, _under_way = Windows(), UnderWay()


def _client_at(request: HttpRequest) -> str:
    return f"network {network_of(client_address(request))}"


def _guarded(
    request: HttpRequest, client: str, get_response: Handler, *, is_known: bool, limit: int | None = None
) -> HttpResponse:
    use = use_of(request.path_info, request.META.get("QUERY_STRING", ""))
    if use is None:
        return get_response(request)
    asked = Asked(use, client, is_known, settings.RATES[use][int(is_known)] if limit is None else limit)
    standing = None
    if asked.limit:
        standing = _windows.take(f"{use} {client}", asked.limit, settings.RATE_WINDOW)
    if standing is not None and not standing.passes:
        response = _refused(request, asked, _used_up(use, standing))
    elif not _under_way.take(asked.place, asked.at_once):
        response = _refused(request, asked, _too_many_at_once())
    else:
        response = _answer(request, _Place(asked.place), get_response)
    return _with_standing(response, asked, standing)


def _answer(request: HttpRequest, place: "_Place", get_response: Handler) -> HttpResponse:
    try:
        response = get_response(request)
    except BaseException:
        place.close()
        raise
    if response.streaming:  # it is under way until its last byte has gone
        response._resource_closers.append(place.close)  # type: ignore[attr-defined]  # noqa: SLF001 - what close() calls
    else:
        place.close()
    return response


class _Place:
    """A place that was taken. Servers may close an answer twice; it is given back once."""

    def __init__(self, name: str) -> None:
        self._name: str | None = name

    def close(self) -> None:
        if self._name is not None:
            _under_way.give_back(self._name)
            self._name = None


def _used_up(use: Use, standing: Standing) -> TooManyRequests:
    message = _("You have used up your requests of the kind “%(use)s” for now.") % {"use": use}
    hint = _("Try again in %(seconds)s seconds. With an access token you get more; /api/export has all metadata.")
    return TooManyRequests(message, hint=hint % {"seconds": standing.reset}, retry_after=standing.reset)


def _too_many_at_once() -> TooManyRequests:
    message = _("Too many requests from you are under way at once.")
    return TooManyRequests(message, hint=_("Ask again when some of them are answered."), retry_after=1)


def _refused(request: HttpRequest, asked: Asked, refusal: TooManyRequests) -> HttpResponse:
    if asked.use not in {Use.PAGES, Use.HEAVY}:
        return error_response(refusal)
    if asked.is_known:
        return refusal_response(request, refusal)
    kind = "text/plain; charset=utf-8"  # a page would cost more than the request is worth
    response = HttpResponse(f"{sentence(refusal)}\n", status=refusal.status, content_type=kind)
    response["Retry-After"] = str(refusal.context["retry_after"])
    return response


def _with_standing(response: HttpResponse, asked: Asked, standing: Standing | None) -> HttpResponse:
    """The header fields of draft-ietf-httpapi-ratelimit-headers, as the stock client reads them."""
    if asked.use != Use.PAGES:
        response["X-Robots-Tag"] = "noindex"
    if standing is not None:
        response["RateLimit"] = f'"{asked.use}";r={standing.left};t={standing.reset}'
        response["RateLimit-Policy"] = f'"fixed window";"{asked.use}";q={asked.limit};w={settings.RATE_WINDOW}'
    return response
