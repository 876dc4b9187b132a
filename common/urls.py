from django.urls import path
from django.views.i18n import set_language

from common import views

urlpatterns = [
    path("health", views.health, name="health"),
    path("robots.txt", views.robots, name="robots"),
    path(".well-known/jwks.json", views.jwks, name="jwks"),
    path("language", set_language, name="set_language"),
]
