"""A data directory and a PostgreSQL of its own for one test run, both gone at its end.

Processes that share a run share the server, not the directory.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from config.embedded.ports import free_port
from config.embedded.postgres import EmbeddedPostgres


def prepare() -> None:
    """Set WELLSPRING_DATA and, unless the caller named a server, DATABASE_URL."""
    if "WELLSPRING_DATA" not in os.environ:
        data = Path(tempfile.mkdtemp(prefix="wellspring-tests-"))
        data.chmod(0o755)
        os.environ["WELLSPRING_DATA"] = str(data)
        atexit.register(shutil.rmtree, data, ignore_errors=True)
    if "PYTEST_XDIST_WORKER" in os.environ:  # each has a database of its own, and numbers repositories from 1
        os.environ["WELLSPRING_DATA"] = str(Path(os.environ["WELLSPRING_DATA"]) / os.environ["PYTEST_XDIST_WORKER"])
        Path(os.environ["WELLSPRING_DATA"]).mkdir(mode=0o755, exist_ok=True)
    if "DATABASE_URL" not in os.environ:
        postgres = EmbeddedPostgres(Path(os.environ["WELLSPRING_DATA"]) / "postgres", free_port(), durable=False)
        postgres.start()
        os.environ["DATABASE_URL"] = postgres.url
        atexit.register(postgres.destroy)
