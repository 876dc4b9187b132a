"""A database with all migrations applied, once for each server and set of migrations.

Every process of a test run, and every second site, begins with a copy: that takes a second, migrating half a minute.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import psycopg

PROJECT = Path(__file__).resolve().parent.parent.parent
_LOCK = 7_304_114  # of the server: one process makes it, others wait


def migrated_database(server: str) -> str:
    """Its name on this server (`postgresql://…` without a database); made where it is missing."""
    name = f"wellspring_migrated_{_fingerprint()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        if admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            half = f"{name}_half"
            admin.execute(f"DROP DATABASE IF EXISTS {half} WITH (FORCE)")
            admin.execute(f"CREATE DATABASE {half}")
            _migrate(f"{server}/{half}")
            admin.execute(f"ALTER DATABASE {half} RENAME TO {name}")
    return name


def _migrate(url: str) -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test", "DATABASE_URL": url}
    command = [sys.executable, str(PROJECT / "manage.py"), "migrate", "-v", "0"]
    subprocess.run(command, env=environment, cwd=PROJECT, check=True)


def _fingerprint() -> str:
    """Of every migration of the rooms."""
    digest = hashlib.sha256()
    for file in sorted(PROJECT.glob("*/migrations/*.py")):
        digest.update(f"{file.parent.parent.name}/{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
