"""Sessions are for browsers. Requests of programs pass them by: of a thousand lists that a client reads none has one,
and looking for it would only take their time (docs/decisions/113)."""

from collections.abc import Awaitable

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class Sessions(SessionMiddleware):
    """For pages, and for whoever comes with a session."""

    def __call__(self, request: HttpRequest) -> Answer:
        if request.path_info.startswith("/api/") and settings.SESSION_COOKIE_NAME not in request.COOKIES:
            request.user = AnonymousUser()
            return self.get_response(request)
        return super().__call__(request)


class _OfSessions:
    """Before a middleware of Django's that has nothing to do where there is no session."""

    def __call__(self, request: HttpRequest) -> Answer:
        if not hasattr(request, "session"):
            return self.get_response(request)  # type: ignore[attr-defined]
        return super().__call__(request)  # type: ignore[misc]


class Users(_OfSessions, AuthenticationMiddleware):
    pass


class Messages(_OfSessions, MessageMiddleware):
    pass
