"""Settings shared by every environment. Values come from the environment, typed (config/env.py)."""

from pathlib import Path

import dj_database_url
from django.utils.translation import gettext_lazy as _

from config import env
from config.driver import choose_psycopg2

choose_psycopg2()

PROJECT = env.PROJECT
DATA = env.path("WELLSPRING_DATA", PROJECT / "var")
ENVIRONMENT = env.text("WELLSPRING_ENV", "dev")

DEBUG = False
BASE_URL = env.text("WELLSPRING_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.words("WELLSPRING_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = [BASE_URL]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "config",
    "common",
    "accounts",
    "revenue",
    "hub",
    "licensing",
    "compute",
    "inference",
    "grants",
]

MIDDLEWARE = [
    "common.middleware.request_id",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "hub.middleware.fair_use_of_strangers",
    "accounts.browsers.Sessions",
    "common.middleware.language",
    "common.middleware.strict_slash",
    "accounts.middleware.tokens_need_no_csrf",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.browsers.Users",
    "accounts.middleware.principal",
    "accounts.browsers.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "common.middleware.security_headers",
    "hub.middleware.fair_use",
    "common.middleware.refusals",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "common.context_processors.site",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "common.templatetags.wellspring"],
        },
    },
]

DATABASE_URL = env.text("DATABASE_URL", "postgresql://wellspring@127.0.0.1:5544/wellspring")
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True)}
DATABASES["default"]["ENGINE"] = "common.postgres"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Chinese"))]
LOCALE_PATHS = [PROJECT / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [PROJECT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Uploads are streamed to disk by the views that take them; forms stay small.
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 2**20
FILE_UPLOAD_TEMP_DIR = None

AUTHENTICATION_BACKENDS = ["accounts.sessions.PeopleBackend"]
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

# --- Where things lie on disk -------------------------------------------------------------
REPOSITORIES_ROOT = env.path("WELLSPRING_REPOSITORIES", DATA / "repositories")
OBJECTS_ROOT = env.path("WELLSPRING_OBJECTS", DATA / "objects")
JOBS_ROOT = env.path("WELLSPRING_JOBS", DATA / "jobs")
KEYS_ROOT = env.path("WELLSPRING_KEYS", DATA / "keys")
PICTURES_ROOT = env.path("WELLSPRING_PICTURES", DATA / "pictures")
MODELS_ROOT = env.path("WELLSPRING_MODELS", DATA / "models")
VIEWER_ROOT = env.path("WELLSPRING_VIEWER", DATA / "viewer")

# --- Looking into data sets (hub) -----------------------------------------------------------
VIEWER_READERS = env.integer("WELLSPRING_VIEWER_READERS", 2)  # at a time, per process
VIEWER_SECONDS = env.integer("WELLSPRING_VIEWER_SECONDS", 20)  # for what somebody waits for
VIEWER_MEMORY = env.integer("WELLSPRING_VIEWER_MEMORY", 4 * 2**30)  # bytes of address space of a reader
VIEWER_CACHE = env.integer("WELLSPRING_VIEWER_CACHE", 10 * 2**30)  # bytes of pages, thumbnails, converted tables
VIEWER_CONVERTED = env.integer("WELLSPRING_VIEWER_CONVERTED", 512 * 2**20)  # bytes of CSV or JSON of one split
VIEWER_MEASURED_ROWS = env.integer("WELLSPRING_VIEWER_MEASURED_ROWS", 1_000_000)  # rows that statistics look at

# --- Objects on S3 (docs/how-to/objects-on-s3.md) -------------------------------------------
S3_ENDPOINT = env.text("WELLSPRING_S3_ENDPOINT", "").rstrip("/")
S3_PUBLIC_ENDPOINT = env.text("WELLSPRING_S3_PUBLIC_ENDPOINT", "").rstrip("/") or S3_ENDPOINT
S3_BUCKET = env.text("WELLSPRING_S3_BUCKET", "")
S3_REGION = env.text("WELLSPRING_S3_REGION", "us-east-1")
S3_ACCESS_KEY = env.text("WELLSPRING_S3_ACCESS_KEY", "")
S3_SECRET_KEY = env.text("WELLSPRING_S3_SECRET_KEY", "")
S3_PREFIX = env.text("WELLSPRING_S3_PREFIX", "")
S3_PROXY = env.flag("WELLSPRING_S3_PROXY", False)  # for buckets that clients cannot reach
OBJECT_STORE = env.text("WELLSPRING_OBJECT_STORE", "s3" if S3_ENDPOINT else "files")
env.require_s3(OBJECT_STORE, endpoint=S3_ENDPOINT, bucket=S3_BUCKET, access_key=S3_ACCESS_KEY, secret_key=S3_SECRET_KEY)
# Pages may show and fetch what links to the bucket lead to.
OBJECTS_ORIGIN = "" if S3_PROXY else env.origin(S3_PUBLIC_ENDPOINT)

# --- Generating pictures (inference) --------------------------------------------------------
# Clients that wait for pictures at a time, per web process: with the log streams they leave threads for the others.
GENERATION_WAITERS = env.integer("WELLSPRING_GENERATION_WAITERS", 8)
FREE_PICTURES_PER_DAY = env.integer("WELLSPRING_FREE_PICTURES_PER_DAY", 200)
WITHHELD_PICTURES_PER_HOUR = env.integer("WELLSPRING_WITHHELD_PICTURES_PER_HOUR", 20)  # of one person (111)
PICTURES_UNDER_WAY = env.integer("WELLSPRING_PICTURES_UNDER_WAY", 100)  # of one person at a time
# Names without an owner that clients of other APIs send: "core=ada/shapes sd3=ada/large".
MODEL_ALIASES = dict(pair.split("=", 1) for pair in env.text("WELLSPRING_MODEL_ALIASES", "").split() if "=" in pair)
ENGINE_DEVICE = env.text("WELLSPRING_ENGINE_DEVICE", "auto")  # auto: a GPU if there is one
ENGINE_MEMORY = env.integer("WELLSPRING_ENGINE_MEMORY", 8 * 2**30)  # bytes for loaded models
ENGINE_ROWS = env.integer("WELLSPRING_ENGINE_ROWS", 8)  # requests that share one denoiser call
ENGINE_WAITING = env.integer("WELLSPRING_ENGINE_WAITING", 1000)  # pictures that wait inside of one engine
ENGINE_CALL_MEMORY = env.integer("WELLSPRING_ENGINE_CALL_MEMORY", 0)  # bytes for a call beside models; 0: no bound
FINDER_MEMORY = env.integer("WELLSPRING_FINDER_MEMORY", 2 * 2**30)  # bytes for models that find by words
ENGINE_COMPILER = env.text("WELLSPRING_ENGINE_COMPILER", "")  # torch's backend, inductor or cudagraphs
WATERMARK = env.flag("WELLSPRING_WATERMARK", True)
C2PA = env.flag("WELLSPRING_C2PA", True)
C2PA_CERTIFICATES = env.text("WELLSPRING_C2PA_CERTIFICATES", "")  # a PEM file, the signer first; empty: our own
C2PA_KEY = env.text("WELLSPRING_C2PA_KEY", "")
C2PA_ALGORITHM = env.text("WELLSPRING_C2PA_ALGORITHM", "es256")
C2PA_TIMESTAMPS = env.text("WELLSPRING_C2PA_TIMESTAMPS", "")  # address of a time stamping authority; empty: none
C2PA_TRAINING = env.text("WELLSPRING_C2PA_TRAINING", "notAllowed")  # what pictures say about training with them
GENERATION_LEASE_SECONDS = env.integer("WELLSPRING_GENERATION_LEASE_SECONDS", 20)
GENERATION_LIMIT_SECONDS = env.integer("WELLSPRING_GENERATION_LIMIT_SECONDS", 600)
GENERATION_WAIT_SECONDS = env.integer("WELLSPRING_GENERATION_WAIT_SECONDS", 55)  # of clients that wait for bytes

# --- Jobs (compute) -------------------------------------------------------------------------
COMPUTE_SANDBOX = env.text("WELLSPRING_SANDBOX", "auto")  # auto: the strongest level this machine permits
COMPUTE_LEASE_SECONDS = env.integer("WELLSPRING_LEASE_SECONDS", 20)  # of silence until a worker counts as dead
COMPUTE_LOST_ATTEMPTS = env.integer("WELLSPRING_LOST_ATTEMPTS", 3)  # after which a job is given up
JOB_FOLDER_DAYS = env.integer("WELLSPRING_JOB_FOLDER_DAYS", 30)  # after the end of a job; 0: for ever
JOB_PACKAGE_INDEX = env.text("WELLSPRING_JOB_PACKAGE_INDEX", "")  # from which `uv run` installs in jobs; else its own
COMPUTE_LOG_STREAMS = env.integer("WELLSPRING_LOG_STREAMS", 10)  # at a time, per web process
BUCKET_FOLLOWERS = env.integer("WELLSPRING_BUCKET_FOLLOWERS", 6)  # streams of changes at a time, per web process
# Where the nginx in front finds the objects, such as /_objects/; empty: the web process sends them itself.
SENDFILE_PREFIX = env.text("WELLSPRING_SENDFILE_PREFIX", "")
# Large files that come by LFS arrive in parts of this many bytes.
LFS_PART_SIZE = env.integer("WELLSPRING_LFS_PART_SIZE", 64 * 2**20)

# --- Fair use (hub, docs/decisions/066) -----------------------------------------------------
# Requests in a window: of an unknown network address, of a known person. 0: no limit.
RATE_WINDOW = env.integer("WELLSPRING_RATE_WINDOW", 300)  # seconds
RATES = {
    "api": env.pair("WELLSPRING_RATE_API", "1000/5000"),
    "resolvers": env.pair("WELLSPRING_RATE_RESOLVERS", "5000/20000"),
    "pages": env.pair("WELLSPRING_RATE_PAGES", "500/2000"),
    "heavy": env.pair("WELLSPRING_RATE_HEAVY", "100/600"),
    "transfers": env.pair("WELLSPRING_RATE_TRANSFERS", "50000/500000"),
}
# Requests under way at once, per web process: all of an unknown address, costly pages of anybody. 0: no limit.
ANONYMOUS_AT_ONCE = env.integer("WELLSPRING_ANONYMOUS_AT_ONCE", 16)
HEAVY_AT_ONCE = env.integer("WELLSPRING_HEAVY_AT_ONCE", 4)
# Bulk tokens: bytes a day by the published rule, and requests in a window for each.
BULK_DAILY_BYTES = env.integer("WELLSPRING_BULK_DAILY_BYTES", 50 * 10**9)
BULK_RATE = env.integer("WELLSPRING_BULK_RATE", 50_000)
# Networks of the proxies in front, whose X-Forwarded-For is believed.
TRUSTED_PROXIES = env.words("WELLSPRING_TRUSTED_PROXIES")

# --- Webhooks (hub) -------------------------------------------------------------------------
# For tests and development only: webhooks may post to this machine.
WEBHOOKS_TO_LOOPBACK = env.flag("WELLSPRING_WEBHOOKS_TO_LOOPBACK", False)

# --- Imports (hub) --------------------------------------------------------------------------
# Hubs that repositories may be brought from, comma-separated; the first is meant where only a name is given.
IMPORT_SOURCES = [one.rstrip("/") for one in env.words("WELLSPRING_IMPORT_SOURCES", "https://huggingface.co")]
# For tests and development only: sources may be on this machine.
IMPORTS_FROM_LOOPBACK = env.flag("WELLSPRING_IMPORTS_FROM_LOOPBACK", False)

# --- Storage --------------------------------------------------------------------------------
# What one name may keep, unless staff allow it something else (docs/decisions/056). 0: no limit.
LIMIT_PUBLIC_BYTES = env.integer("WELLSPRING_LIMIT_PUBLIC_BYTES", 2 * 10**12)
LIMIT_PRIVATE_BYTES = env.integer("WELLSPRING_LIMIT_PRIVATE_BYTES", 100 * 10**9)
LIMIT_REPOSITORIES = env.integer("WELLSPRING_LIMIT_REPOSITORIES", 10_000)
LIMIT_FILE_BYTES = env.integer("WELLSPRING_LIMIT_FILE_BYTES", 500 * 10**9)
LIMIT_REPOSITORY_BYTES = env.integer("WELLSPRING_LIMIT_REPOSITORY_BYTES", 10**12)
# Days until the sweeper takes away (docs/decisions/057).
SWEEP_UPLOADS_DAYS = env.integer("WELLSPRING_SWEEP_UPLOADS_DAYS", 7)  # what was uploaded and never named
SWEEP_OBJECTS_DAYS = env.integer("WELLSPRING_SWEEP_OBJECTS_DAYS", 7)  # objects that nothing holds any more
SWEEP_XORBS_DAYS = env.integer("WELLSPRING_SWEEP_XORBS_DAYS", 30)  # clients remember for three weeks what they sent
SWEEP_UNDO_DAYS = env.integer("WELLSPRING_SWEEP_UNDO_DAYS", 14)  # until what was swept is gone for good

# --- Celery ---------------------------------------------------------------------------------
CELERY_BROKER_URL = env.text("WELLSPRING_BROKER_URL", "") or DATABASE_URL.replace("postgresql://", "pgmq://", 1)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
if CELERY_BROKER_URL.startswith("pgmq://"):
    # Remote control and events need broadcasts, which this transport cannot do (docs/decisions/002).
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
    CELERY_WORKER_SEND_TASK_EVENTS = False
    CELERY_TASK_SEND_SENT_EVENT = False
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "init_extension": False,
        "visibility_timeout": 60,
        "polling_interval": 0.2,
        "wait_time_seconds": 0,
    }

# --- Payments -------------------------------------------------------------------------------
STRIPE_API_KEY = env.text("STRIPE_API_KEY", "")
STRIPE_WEBHOOK_SECRET = env.text("STRIPE_WEBHOOK_SECRET", "")
STRIPE_API_BASE = env.text("STRIPE_API_BASE", "")
TAX_COUNTRY = env.text("WELLSPRING_TAX_COUNTRY", "")  # where the operator pays value added tax; empty: none

# --- Who people are elsewhere ----------------------------------------------------------------
ORCID_ISSUER = env.text("WELLSPRING_ORCID_ISSUER", "https://orcid.org").rstrip("/")
ORCID_CLIENT_ID = env.text("WELLSPRING_ORCID_CLIENT_ID", "")  # empty: iDs can be typed, not confirmed
ORCID_CLIENT_SECRET = env.text("WELLSPRING_ORCID_CLIENT_SECRET", "")
# Issuers of trusted publishers must be public https servers; a test's own issuer is not.
FETCH_FROM_PRIVATE_ADDRESSES = False

# --- Logs -----------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "common.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.text("WELLSPRING_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "authlib": {"level": "INFO"},  # below that it writes tokens down
    },
}

SILENCED_SYSTEM_CHECKS: list[str] = []


def secret_key_from(folder: Path) -> str:
    """The secret of a site that runs on its own data directory, made once."""
    import secrets  # noqa: PLC0415 - needed once in a site's life

    file = folder / "secret_key"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(64))
    return file.read_text()
