"""Refusals in the form of each protocol."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from common.errors import Refusal

View = Callable[..., HttpResponseBase]


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
                if "queue_position" in refusal.context:
                    response["X-Queue-Position"] = str(refusal.context["queue_position"])
                return response

        return answer

    return decorate
