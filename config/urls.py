"""All addresses. Rooms own theirs; the hub comes last because it owns /<namespace>/<name>.

What is asked for most comes first: each address that is tried before costs time.
"""

from django.contrib import admin
from django.urls import include, path

from config import views

urlpatterns = [
    path("", include("hub.first_urls")),
    path("admin/", admin.site.urls),
    path("", views.home, name="home"),
    path("", include("common.urls")),
    path("", include("accounts.urls")),
    path("", include("revenue.urls")),
    path("", include("licensing.urls")),
    path("", include("compute.urls")),
    path("", include("inference.urls")),
    path("", include("grants.urls")),
    path("", include("hub.urls")),
]

handler404 = "common.views.page_not_found"
handler500 = "common.views.server_error"
