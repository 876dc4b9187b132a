"""Refusals in the form of each protocol."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from common.errors import MethodNotAllowed, NotFound, Refusal

View = Callable[..., HttpResponseBase]


def door(shown: Callable[[Refusal], HttpResponse], *methods: str) -> Callable[[View], View]:
    """A view for programs with tokens, asked by these methods alone, whose every refusal has the protocol's form."""

    def decorate(view: View) -> View:
        @wraps(view)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in methods:
                raise MethodNotAllowed(
                    _("This address is not asked by %(method)s.") % {"method": request.method},
                    hint=_("Use %(methods)s.") % {"methods": ", ".join(methods)},
                    allowed=methods,
                )
            return view(request, *args, **kwargs)

        return csrf_exempt(refusals_as(shown)(asked))

    return decorate


def nothing_here(shown: Callable[[Refusal], HttpResponse], served: str) -> View:
    """What answers below a protocol's prefix where nothing is served."""

    @csrf_exempt
    @refusals_as(shown)
    def answer(request: HttpRequest, rest: str) -> HttpResponse:
        raise NotFound(
            _("There is nothing at this address."), hint=_("Served are %(addresses)s.") % {"addresses": served}
        )

    return answer


def refusals_as(shown: Callable[[Refusal], HttpResponse]) -> Callable[[View], View]:
    """For views whose refusals are answered by what `shown` makes of them, and when to come back."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except Refusal as refusal:
                response = shown(refusal)
                if "retry_after" in refusal.context:
                    response["Retry-After"] = str(refusal.context["retry_after"])
                if "allowed" in refusal.context:
                    response["Allow"] = ", ".join(refusal.context["allowed"])
                if "queue_position" in refusal.context:
                    response["X-Queue-Position"] = str(refusal.context["queue_position"])
                return response

        return answer

    return decorate
