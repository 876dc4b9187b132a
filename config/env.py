"""Typed reading of environment variables, with errors that say what to do."""

import os
import shlex
from pathlib import Path
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parent.parent


class SettingMissing(Exception):
    """A required environment variable is absent or has the wrong form."""


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise SettingMissing(f"Set the environment variable {name}; see docs/reference/settings.md.")
    return value


def flag(name: str, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.lower() in {"1", "true", "yes", "on"}:
        return True
    if value.lower() in {"0", "false", "no", "off", ""}:
        return False
    raise SettingMissing(f"{name} must be true or false, not {value!r}.")


def integer(name: str, default: int) -> int:
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError as error:
        raise SettingMissing(f"{name} must be a whole number, not {value!r}.") from error


def pair(name: str, default: str) -> tuple[int, int]:
    """Two whole numbers, written 1000/5000."""
    value = os.environ.get(name, default)
    first, slash, second = value.partition("/")
    if not (slash and first.isdecimal() and second.isdecimal()):
        raise SettingMissing(f"{name} must be two whole numbers such as {default}, not {value!r}.")
    return int(first), int(second)


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list, without empty parts."""
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def path(name: str, default: Path) -> Path:
    return Path(os.environ.get(name) or default).resolve()


def origin(url: str) -> str:
    """Scheme, host and port of an address; "" of none."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def require_s3(store: str, **given: str) -> None:
    """Refuse an unknown store, and settings of S3 that are only half there."""
    if store not in {"files", "s3"}:
        raise SettingMissing(f"WELLSPRING_OBJECT_STORE must be files or s3, not {store!r}.")
    missing = [f"WELLSPRING_S3_{name.upper()}" for name, value in given.items() if not value]
    if missing and (store == "s3" or given["endpoint"]):
        raise SettingMissing(f"Objects on S3 also need {', '.join(missing)}; see docs/how-to/objects-on-s3.md.")


def load_running_site() -> None:
    """Adopt the settings of the site that runs on this data directory, if any.

    The supervisor writes `site.env` when it starts, so that `manage.py` in another
    terminal talks to the same database without any exports. The environment wins.
    """
    data = path("WELLSPRING_DATA", PROJECT / "var")
    file = data / "site.env"
    if "DATABASE_URL" in os.environ or not file.is_file():
        return
    for line in file.read_text().splitlines():
        name, _, value = line.partition("=")
        if value:
            os.environ.setdefault(name, shlex.split(value)[0])
