"""The hub's addresses. It comes last in the site, because it owns /<namespace>/<name>."""

from importlib.util import find_spec

from django.urls import include, path

urlpatterns = [
    path("", include("hub.api.urls")),
    path("", include("hub.git_urls")),
]
if find_spec("hub.page_urls") is not None:
    urlpatterns.append(path("", include("hub.page_urls")))
