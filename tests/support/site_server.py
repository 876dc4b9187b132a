"""The site itself, under gunicorn on a free port, on the database of the running test.

`site` is for tests that use real clients: what the test writes through the ORM the server
sees, and the other way round. The server starts once per test run.
"""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.db import connection

from config.embedded.ports import free_port

PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Site:
    """Where the site answers, and what its server said."""

    url: str
    log: Path
    people: dict[str, str] = field(default_factory=dict)

    def token(self, user, scope: str = "write") -> str:
        """A new access token of a person."""
        from accounts.enums import TokenScope
        from accounts.services import tokens

        return tokens.issue_token(user, name="test", scope=TokenScope(scope))

    def read(self, path: str) -> str:
        """A page as somebody sees it who is not logged in."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read().decode()

    def environment(self, folder: Path, token: str | None = None, **more: str) -> dict[str, str]:
        """For client processes: this site as the hub, caches of their own, no other host."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING", "GIT_"))}
        env |= {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(folder / "hf"),
            "HF_XET_CACHE": str(folder / "xet"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HOME": str(folder),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        if token is not None:
            env["HF_TOKEN"] = token
        return env | more


def start(database: str, log: Path, threads: int = 8, **more: str) -> tuple[subprocess.Popen[bytes], str]:
    """gunicorn on a free port, with more settings if need be: the process and the address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": database,
        "WELLSPRING_BASE_URL": url,
        "WELLSPRING_LFS_PART_SIZE": str(1024 * 1024),
        **more,
        "WELLSPRING_WEBHOOKS_TO_LOOPBACK": "1",
    }
    command = [sys.executable, "-m", "gunicorn", "config.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", str(threads), "--timeout", "120"]
    command += ["--keep-alive", "30", "--no-control-socket"]
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=output, stderr=output)
    for _attempt in range(300):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{url}/api/agent-harnesses", timeout=5)
            return process, url
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError(f"the site did not start:\n{log.read_text()[-4000:]}")


@contextmanager
def own_site(log: Path, **more: str) -> Iterator[tuple[Site, int]]:
    """A site of a test's own, and the number of its process: to watch its memory, or what it was asked."""
    process, url = start(database_url(), log, **more)
    try:
        yield Site(url, log), process.pid
    finally:
        stop(process)


@pytest.fixture(scope="session")
def site_process(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Site]:
    """gunicorn on the test database."""
    with django_db_blocker.unblock():
        database = database_url()
    log = tmp_path_factory.mktemp("site") / "gunicorn.log"
    process, url = start(database, log)
    yield Site(url, log)
    stop(process)


def database_url() -> str:
    """The address of the database of the running tests."""
    facts = connection.settings_dict
    return f"postgresql://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def site(transactional_db, site_process: Site) -> Site:
    """The running site; the database is emptied after each test."""
    return site_process
