"""Another site on a database and data folder of its own, for what is brought from there.

In front of it stands a small server that counts what it lets through, and can stall or lie.
"""

import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest
from huggingface_hub import HfApi

from tests.support.migrated import migrated_database
from tests.support.site_server import PROJECT, database_url, start, stop

FILES = ("/resolve/", "/api/storage/objects/")  # what the addresses of files hold
_ASKED = ("Range", "Authorization", "Git-Protocol", "Content-Type", "Accept")
_PEOPLE = """
from accounts.services import people, tokens
from accounts.enums import TokenScope
for name in ("grace", "hal"):
    user = people.sign_up(name, password=None)
    print(name, tokens.issue_token(user, name="test", scope=TokenScope.WRITE))
"""


@dataclass
class SecondHub:
    """Where it answers, and what its people log in with."""

    url: str
    tokens: dict[str, str]

    def api(self, who: str = "grace") -> HfApi:
        return HfApi(endpoint=self.url, token=self.tokens[who])


@pytest.fixture(scope="session")
def second_hub(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[SecondHub]:
    with django_db_blocker.unblock():
        server, _, own = database_url().rpartition("/")
    name = f"{own}_second"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_database(server)}")
    data = tmp_path_factory.mktemp("second")
    more = {"WELLSPRING_DATA": str(data), "DATABASE_URL": f"{server}/{name}"}
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test"} | more
    manage = [sys.executable, str(PROJECT / "manage.py")]
    told = subprocess.run(
        [*manage, "shell", "-v", "0", "-c", _PEOPLE],
        env=environment,
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    )
    tokens = dict(line.split() for line in told.stdout.splitlines() if line.startswith(("grace ", "hal ")))
    process, url = start(more["DATABASE_URL"], Path(data) / "gunicorn.log", **more)
    yield SecondHub(url, tokens)
    stop(process)
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@dataclass
class Asked:
    path: str
    range: str
    token: str
    sent: int = 0
    said: bytes = b""


@dataclass
class Relay:
    """A server in front of another one. `change` may return other bytes for a path; `redirect` another address.

    Only one that `speaks_git` lets version 2 of git's protocol through.
    """

    url: str
    asked: list[Asked] = field(default_factory=list)
    change: Callable[[str, bytes], bytes] | None = None
    redirect: Callable[[str], str | None] | None = None
    stall_after: int | None = None
    speaks_git: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    def sent(self, *parts: str) -> int:
        """Bytes of bodies that went out for addresses with one of these in them."""
        return sum(one.sent for one in self.asked if any(part in one.path for part in parts))


@contextmanager
def relaying(target: str) -> Iterator[Relay]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._relay(None)

        def do_POST(self) -> None:
            self._relay(self.rfile.read(int(self.headers["Content-Length"])))

        def _relay(self, sent: bytes | None) -> None:
            asked = Asked(self.path, self.headers.get("Range", ""), self.headers.get("Authorization", ""))
            asked.said = sent or b""
            relay.asked.append(asked)
            place = relay.redirect(self.path) if relay.redirect else None
            if place is not None:
                self.send_response(302)
                self.send_header("Location", place)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            known = _ASKED if relay.speaks_git else _ASKED[:2]
            wanted = {name: self.headers[name] for name in known if self.headers.get(name)}
            try:
                answer = urllib.request.urlopen(urllib.request.Request(target + self.path, sent, headers=wanted))
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                body = answer.read()
            if self.path.endswith("/batch"):
                body = body.replace(target.encode(), relay.url.encode())
            if relay.change is not None:
                body = relay.change(self.path, body)
            self.send_response(answer.status)
            for name in ("Content-Range", "Content-Type", "Link"):
                if answer.headers.get(name):
                    self.send_header(name, answer.headers[name].replace(target, relay.url))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for start_ in range(0, len(body), 65536):
                if relay.stall_after is not None and relay.sent(*FILES) >= relay.stall_after:
                    relay.released.wait(60)
                    return
                block = body[start_ : start_ + 65536]
                self.wfile.write(block)
                asked.sent += len(block)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    relay = Relay(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.released.set()
        server.shutdown()
        server.server_close()
