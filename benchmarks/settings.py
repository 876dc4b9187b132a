"""The site as it is, with one more address: the empty view that requests are compared with."""

from config.settings.dev import *  # noqa: F403 - settings are layered by import

ROOT_URLCONF = "benchmarks.urls"
