"""Settings of the test run: own data directory, quick password hashes, the same database engine."""

import os
import sys

from config import env

if "pytest" in sys.modules:
    # pytest-django reads the settings before any conftest, so the database must be there by now.
    from tests.support.site import prepare

    prepare()

from .base import *  # noqa: F403 - settings are layered by import

ENVIRONMENT = "test"
SECRET_KEY = "only-for-tests-" + "x" * 50
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
os.environ.setdefault("AUTHLIB_INSECURE_TRANSPORT", "1")  # tests speak plain http on loopback
FETCH_FROM_PRIVATE_ADDRESSES = True
CELERY_BROKER_URL = env.text("WELLSPRING_BROKER_URL", "memory://")
WHITENOISE_USE_FINDERS = True  # the site of live tests has styles without a build step
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405 - from base
# TransactionTestCase empties tables by TRUNCATE, which the ledger refuses everybody else.
DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c wellspring.allow_truncate=on"  # noqa: F405 - from base
# All tests come from one address, faster than anybody works; those about limits set their own.
for _use in RATES:  # noqa: F405 - from base
    RATES[_use] = env.pair(f"WELLSPRING_RATE_{_use.upper()}", "0/0")  # noqa: F405 - from base
ANONYMOUS_AT_ONCE = env.integer("WELLSPRING_ANONYMOUS_AT_ONCE", 0)
HEAVY_AT_ONCE = env.integer("WELLSPRING_HEAVY_AT_ONCE", 0)
