"""The site as it is, with one more address: the empty view that requests are compared with.

Who comes with a session is known there in Django's own way, which is the floor; nothing else here uses one.
"""

from config.settings.dev import *  # noqa: F403 - settings are layered by import

ROOT_URLCONF = "benchmarks.urls"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
