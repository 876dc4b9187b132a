"""A running cluster for tests: the site under gunicorn and a real Celery worker on the embedded broker."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection
from huggingface_hub import HfApi

from config.embedded.broker import install
from config.embedded.ports import free_port
from tests.factories import compute as make

PROJECT = Path(__file__).resolve().parents[2]


@dataclass
class RunningCluster:
    """`api(name)` is a stock client of that person; `worker` is the main process of the Celery worker."""

    url: str
    environment: dict[str, str]
    folder: Path
    worker: subprocess.Popen[bytes] | None = None

    def api(self, name: str = "researcher") -> HfApi:
        from accounts.enums import TokenScope
        from accounts.services import tokens

        token = tokens.issue_token(make.person(name), name="test", scope=TokenScope.WRITE)
        return HfApi(endpoint=self.url, token=token)

    def start_worker(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "default,compute", "-c", "2"]
        command += ["-B", "-s", str(self.folder / "beat"), "--without-gossip", "--without-mingle", "-l", "WARNING"]
        with (self.folder / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(
                command, cwd=PROJECT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def stop_worker(self) -> None:
        if self.worker is not None:
            self.worker.terminate()
            try:
                self.worker.wait(20)
            except subprocess.TimeoutExpired:
                self.kill_worker()
        self.worker = None

    def kill_worker(self) -> None:
        """kill -9 of the main process and all its children at once."""
        assert self.worker is not None
        os.killpg(self.worker.pid, signal.SIGKILL)
        self.worker.wait()
        self.worker = None


def wait_until(condition: Callable[[], object], *, seconds: float = 60) -> object:
    """The first true value of `condition`; fails the test when it never comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("waited in vain")


@pytest.fixture(scope="session")
def cluster_process(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[RunningCluster]:
    with django_db_blocker.unblock():
        facts = connection.settings_dict
    database = f"postgresql://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"
    install(database)
    folder = tmp_path_factory.mktemp("cluster")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "DATABASE_URL": database,
        "WELLSPRING_BROKER_URL": database.replace("postgresql://", "pgmq://", 1),
        "WELLSPRING_BASE_URL": url,
        "WELLSPRING_LEASE_SECONDS": "4",
        "WELLSPRING_LOG_STREAMS": "2",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }
    running = RunningCluster(url, environment, folder)
    command = [sys.executable, "-m", "gunicorn", "config.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--worker-class", "gthread", "--threads", "8", "--timeout", "120", "--no-control-socket"]
    with (folder / "gunicorn.log").open("ab") as log:
        web = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: _answers(url))
        yield running
    finally:
        running.stop_worker()
        web.terminate()
        web.wait(20)


@pytest.fixture
def cluster(transactional_db, cluster_process: RunningCluster) -> Iterator[RunningCluster]:
    """With a worker running; the database is emptied afterwards, when no job runs any more."""
    make.flavor()
    if cluster_process.worker is None:
        cluster_process.start_worker()
    yield cluster_process
    _cancel_everything()
    sys.stderr.write((cluster_process.folder / "worker.log").read_text()[-6000:])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):
            return True
    except OSError:
        return False


def _cancel_everything() -> None:
    from compute.enums import TERMINAL_STATES
    from compute.models import Attempt, Job
    from compute.services import submissions

    staff = make.principal(make.person("cleaner", is_staff=True))
    for job in Job.objects.exclude(state__in=TERMINAL_STATES):
        submissions.cancel(job, by=staff)
    wait_until(lambda: not Job.objects.exclude(state__in=TERMINAL_STATES).exists())
    assert not Attempt.objects.filter(state__in=["starting", "running"]).exists()
