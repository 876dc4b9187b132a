"""Production: everything that matters must be set; refusals to start say what is missing."""

from config import env

from .base import *  # noqa: F403 - settings are layered by import
from .base import BASE_URL

ENVIRONMENT = "production"
SECRET_KEY = env.text("WELLSPRING_SECRET_KEY")
ALLOWED_HOSTS = env.text("WELLSPRING_ALLOWED_HOSTS").split(",")
env.text("DATABASE_URL")
env.text("WELLSPRING_BASE_URL")
if env.text("STRIPE_API_BASE", ""):
    raise env.SettingMissing("Unset STRIPE_API_BASE: in production payments go to Stripe itself.")

if env.text("AUTHLIB_INSECURE_TRANSPORT", ""):
    raise env.SettingMissing("Unset AUTHLIB_INSECURE_TRANSPORT: in production tokens travel by https only.")

SECURE_SSL_REDIRECT = env.flag("WELLSPRING_SSL_REDIRECT", True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env.integer("WELLSPRING_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
CSRF_TRUSTED_ORIGINS = [BASE_URL]
