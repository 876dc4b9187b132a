"""A site on this machine, on its own data directory: what `make run` and `make demo` use."""

import os

from config import env

from .base import *  # noqa: F403 - settings are layered by import
from .base import KEYS_ROOT, secret_key_from

SECRET_KEY = env.text("WELLSPRING_SECRET_KEY", "") or secret_key_from(KEYS_ROOT)
DEBUG = env.flag("WELLSPRING_DEBUG", False)
# Plain http on loopback, so cookies cannot be marked secure, there is nothing to redirect to,
# and Authlib must not insist on https.
os.environ.setdefault("AUTHLIB_INSECURE_TRANSPORT", "1")
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008", "security.W012", "security.W016"]
