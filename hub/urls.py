"""The hub's addresses but those asked for most. They come last in the site, because it owns /<namespace>/<name>."""

from django.urls import include, path

urlpatterns = [
    path("", include("hub.api.urls")),
    path("", include("hub.page_urls")),
]
