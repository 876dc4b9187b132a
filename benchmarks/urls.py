"""All addresses of the site, and an empty view for somebody who is known."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=200 if request.principal.user is not None else 401)  # type: ignore[attr-defined]


urlpatterns = [path("benchmark/empty", empty), path("", include("config.urls"))]
