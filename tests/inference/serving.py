"""The site and an engine worker as processes, on the test's database and a real broker."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import broker
from tests.support import site_server

PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Serving:
    """`url` answers; `start_worker`, `kill_worker` and `reconcile` do what supervisor, fate and beat do."""

    url: str
    database: str
    folder: Path
    web: subprocess.Popen
    worker: subprocess.Popen | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def start_worker(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", "config.celery:app", "worker", "-n", "engine-test@%h"]
        command += ["-Q", "inference", "-P", "threads", "-c", "4", "-l", "INFO"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        log = (self.folder / "worker.log").open("ab")
        with log:
            self.worker = subprocess.Popen(command, cwd=PROJECT, env=self.environment, stdout=log, stderr=log)

    def kill_worker(self) -> None:
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()

    def reconcile(self) -> int:
        """As beat has it done, in a process that knows the broker."""
        code = "import django; django.setup(); from inference.services.running import reconcile; print(reconcile())"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=PROJECT, env=self.environment, capture_output=True, text=True, check=True
        )
        return int(done.stdout.strip().splitlines()[-1])

    def stop(self) -> None:
        """The web server by its own way out: killed, it would leave children that hold the database."""
        if self.worker is not None:
            self.kill_worker()
        self.web.terminate()
        try:
            self.web.wait(30)
        except subprocess.TimeoutExpired:
            self.web.kill()
            self.web.wait()

    def words(self) -> str:
        return (self.folder / "worker.log").read_text()[-6000:]


def serve(database: str, folder: Path) -> Serving:
    broker.install(database)
    more = {
        "WELLSPRING_BROKER_URL": database.replace("postgresql://", "pgmq://", 1),
        # Long enough for a worker that loads torch on a busy machine to show a sign of life.
        "WELLSPRING_GENERATION_LEASE_SECONDS": "10",
        "WELLSPRING_MODELS": str(folder / "models"),
        "WELLSPRING_PICTURES": str(folder / "pictures"),
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": database,
        "PYTHONPATH": str(PROJECT),
        "OMP_NUM_THREADS": "1",
    }
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        web, url = site_server.start(database, folder / "web.log")
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
    environment = os.environ | more | {"WELLSPRING_BASE_URL": url}
    serving = Serving(url, database, folder, web, environment=environment)
    serving.start_worker()
    return serving


def until(condition, *, seconds: float = 60):
    """The first true value of `condition()`; fails after a long while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError("it did not come true in time")
