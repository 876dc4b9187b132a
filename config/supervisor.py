"""Runs a whole Wellspring on this machine: `python -m config.supervisor --port 8000 --data var`.

One process owns the embedded PostgreSQL, the payment stand-in, the web server, the Celery
workers and beat. It starts them in order, revives what dies, and stops everything it started.
"""

import argparse
import fcntl
import hashlib
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from config.embedded.ports import HeldPort, free_port
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.processes import Child

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "var"
BIN = Path(sys.executable).parent
_OBJECT_SETTINGS = ("WELLSPRING_S3_", "WELLSPRING_OBJECT_STORE")


class StartFailed(Exception):
    """The site did not come up; the message says which part and what its log says."""


@contextmanager
def progress(what: str) -> Iterator[None]:
    """`  Migrating the database … 2.1 s`"""
    print(f"  {what} … ", end="", flush=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - start:.1f} s", flush=True)


class Site:
    """A running Wellspring on its own data directory."""

    def __init__(self, data: Path, *, port: int = 8000) -> None:
        self.data = data.resolve()
        self.wanted_port = port
        self.children: list[Child] = []
        self.postgres: EmbeddedPostgres | None = None
        self.base_url = ""
        self.environment: dict[str, str] = {}
        self._lock: IO[str] | None = None
        self._ports: list[HeldPort] = []

    def start(self) -> None:
        """Bring everything up. Raises StartFailed and leaves nothing running."""
        self._take_lock()
        try:
            self._start_database()
            self._describe()
            self._prepare()
            self._start_children()
            self._wait_until_healthy()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Web first, then workers (jobs in flight are taken up again at the next start), then the database."""
        if self._lock is None:
            return  # it never ran here: what lies in the data directory belongs to the one that does
        # A second Ctrl-C would leave the database running, with nobody to stop it.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self) -> None:
        assert self._lock is not None
        self._release()
        for child in reversed(self.children):
            child.ask_to_stop()
        deadline = time.monotonic() + 15
        for child in reversed(self.children):
            child.make_sure_it_stopped(within=max(0.1, deadline - time.monotonic()))
        self.children = []
        if self.postgres:
            self.postgres.stop()
        (self.data / "site.env").unlink(missing_ok=True)
        self._lock.close()
        self._lock = None

    def watch(self) -> None:
        """Revive what dies, until a signal ends this process."""
        while True:
            self.revive()
            time.sleep(0.5)

    def revive(self) -> None:
        for child in self.children:
            if child.revive():
                print(f"  {child.name} had stopped and was started again; see {child.log}", flush=True)

    def manage(self, *arguments: str) -> str:
        """Run a management command against this site and return what it printed."""
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        done = subprocess.run(
            command, env=os.environ | self.environment, cwd=PROJECT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise StartFailed(f"manage.py {' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def child(self, name: str) -> Child:
        return next(child for child in self.children if child.name == name)

    def _take_lock(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self._lock = (self.data / "supervisor.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            self._lock = None
            raise StartFailed(
                f"Another Wellspring already runs on {self.data}. Stop it, or give this one its own: make run DATA=…"
            ) from None

    def _start_database(self) -> None:
        if url := os.environ.get("DATABASE_URL"):
            self.environment["DATABASE_URL"] = url
            return
        with progress("Starting PostgreSQL"):
            self.postgres = EmbeddedPostgres(self.data / "postgres", free_port(self._kept("postgres.port", 5544)))
            self._keep("postgres.port", self.postgres.port)
            self.postgres.start()
            self.environment["DATABASE_URL"] = self.postgres.url

    def _describe(self) -> None:
        """Settle ports and secrets, and leave them in site.env for `manage.py` in other terminals."""
        port = self._hold(self.wanted_port)
        if port != self.wanted_port:
            print(f"  Port {self.wanted_port} is taken; using {port}.", flush=True)
        self.base_url = f"http://127.0.0.1:{port}"
        self.environment |= {
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings.dev"),
            "WELLSPRING_DATA": str(self.data),
            "WELLSPRING_BASE_URL": self.base_url,
            "PYTHONPATH": str(PROJECT),
            "PYTHONUNBUFFERED": "1",
            "GOMP_SPINCOUNT": "20000",  # torch's threads share the cores with everything else here
        }
        # Commands in other terminals must look for objects where this site keeps them.
        self.environment |= {name: value for name, value in os.environ.items() if name.startswith(_OBJECT_SETTINGS)}
        if not os.environ.get("STRIPE_API_KEY"):
            standin = self._hold(self._kept("standin.port", 12111))
            self._keep("standin.port", standin)
            key, secret = "sk_test_" + self._secret("stripe_api_key"), "whsec_" + self._secret("stripe_webhook")
            self.environment |= {
                "STRIPE_API_KEY": key,
                "STRIPE_WEBHOOK_SECRET": secret,
                "STRIPE_API_BASE": f"http://127.0.0.1:{standin}",
                "STANDIN_API_KEY": key,
                "STANDIN_WEBHOOK_SECRET": secret,
                "STANDIN_CONTROL_KEY": self._secret("standin_control"),
            }
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in sorted(self.environment.items())]
        file = self.data / "site.env"
        file.touch(mode=0o600)
        file.write_text("".join(lines))

    def _prepare(self) -> None:
        """Broker tables, migrations, translations, static files: each only when something changed."""
        stamp = self.data / "prepared"
        state = _state_of_the_source()
        if stamp.exists() and stamp.read_text() == state:
            return
        with progress("Installing the message queue"):
            from config.embedded import broker  # noqa: PLC0415 - needs packages that set-up brings

            broker.install(self.environment["DATABASE_URL"])
        with progress("Migrating the database"):
            self.manage("migrate", "--no-input")
        with progress("Compiling translations"):
            from config.embedded import translations  # noqa: PLC0415 - needs packages that set-up brings

            translations.compile_all(PROJECT / "locale")
        with progress("Collecting static files"):
            self.manage("collectstatic", "--no-input")
        stamp.write_text(state)

    def _start_children(self) -> None:
        self.children = [
            Child(name, command, self.environment, self.data / "log" / f"{name}.log")
            for name, command in self._commands()
        ]
        with progress("Starting " + ", ".join(child.name for child in self.children)):
            self._release()
            for child in self.children:
                child.start()

    def _commands(self) -> Iterator[tuple[str, list[str]]]:
        """Name and command of each process, in the order of starting."""
        celery = [sys.executable, "-m", "celery", "-A", "config.celery:app"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "INFO"]
        if base := self.environment.get("STRIPE_API_BASE"):
            standin = [sys.executable, "-m", "licensing.standin", "--port", base.rsplit(":", 1)[1]]
            standin += ["--state", str(self.data / "stripe-standin.sqlite3")]
            standin += ["--webhook-url", f"{self.base_url}/webhooks/stripe"]
            yield "stripe-standin", standin
        yield "worker", [*celery, "worker", "-n", "worker@%h", "-Q", "default,compute", "-c", "4", *quiet]
        # One process, many threads: tasks wait, the engine inside batches their pictures.
        yield "engine", [*celery, "worker", "-n", "engine@%h", "-Q", "inference", "-P", "threads", "-c", "8", *quiet]
        # Foreign servers may be slow: what waits for them keeps nothing else waiting.
        yield "webhooks", [*celery, "worker", "-n", "webhooks@%h", "-Q", "webhooks", "-P", "threads", "-c", "8", *quiet]
        yield "imports", [*celery, "worker", "-n", "imports@%h", "-Q", "imports", "-P", "threads", "-c", "4", *quiet]
        yield "beat", [*celery, "beat", "-s", str(self.data / "beat-schedule"), "--pidfile", "", "-l", "INFO"]
        web = [str(BIN / "gunicorn"), "config.wsgi:application", "--bind", self.base_url.removeprefix("http://")]
        web += ["--worker-class", "gthread", "--workers", "2", "--threads", "32", "--timeout", "120"]
        web += ["--keep-alive", "30", "--graceful-timeout", "5", "--no-control-socket"]
        yield "web", web

    def _wait_until_healthy(self) -> None:
        with progress(f"Waiting for {self.base_url}"):
            web = self.child("web")
            for _attempt in range(600):
                assert web.process is not None
                if web.process.poll() is not None:
                    raise StartFailed(f"The web server stopped at once:\n{web.last_words()}")
                try:
                    with urllib.request.urlopen(f"{self.base_url}/health", timeout=5):  # noqa: S310 - our own address
                        return
                except (urllib.error.URLError, OSError):
                    time.sleep(0.1)
            raise StartFailed(f"The web server did not answer within a minute:\n{web.last_words()}")

    def _hold(self, preferred: int) -> int:
        """Until its process starts, which on a new site is after all migrations: another site may start meanwhile."""
        self._ports.append(HeldPort(preferred))
        return self._ports[-1].number

    def _release(self) -> None:
        while self._ports:
            self._ports.pop().release()

    def _secret(self, name: str) -> str:
        file = self.data / "keys" / name
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.touch(mode=0o600)
            file.write_text(secrets.token_hex(24))
        return file.read_text()

    def _kept(self, name: str, default: int) -> int:
        file = self.data / name
        return int(file.read_text()) if file.exists() else default

    def _keep(self, name: str, value: int) -> None:
        (self.data / name).write_text(str(value))


def _state_of_the_source() -> str:
    """Changes when migrations, translations or static files change."""
    digest = hashlib.sha256()
    patterns = ["*/migrations/*.py", "locale/**/*.po", "static/**/*", "requirements.txt"]
    for file in sorted(file for pattern in patterns for file in PROJECT.glob(pattern) if file.is_file()):
        digest.update(f"{file.relative_to(PROJECT)} {file.stat().st_size} {file.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()


def stop_on_signal(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description="Run Wellspring on this machine.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, stop_on_signal)
    site = Site(options.data, port=options.port)
    try:
        site.start()
        print(f"\nWellspring runs at {site.base_url} (logs in {site.data / 'log'}). Ctrl-C stops it.\n", flush=True)
        where = "" if site.data == DATA.resolve() else f"WELLSPRING_DATA={shlex.quote(str(site.data))} "
        command = f"{where}.venv/bin/python manage.py create_user NAME --staff --password … --token"
        print(f"  First account:  {command}", flush=True)
        site.watch()
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
    except StartFailed as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        site.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
