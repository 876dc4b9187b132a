"""A Celery worker that really runs is killed in the middle of an import, and the next one goes on."""

import hashlib
import os
import random
import signal
import subprocess
import sys

import pytest
from django.utils import timezone

from accounts.principal import Principal
from common.services import outbox
from config.embedded.broker import install
from hub.models import Import, ImportRun, LargeObject, Repository, RepositoryObject
from hub.services import checking, imports
from tests.factories import hub as make
from tests.hub.imports import stored, wait_until
from tests.support.second_hub import FILES
from tests.support.site_server import PROJECT, database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

MIB = 2**20
WEIGHTS = random.Random(11).randbytes(12 * MIB)


@pytest.fixture
def worker(relay, tmp_path):
    """Starts a worker of the queue, with the beat that hands imports out; all of them end with the test."""
    database = database_url()
    install(database)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": database,
        "WELLSPRING_BROKER_URL": database.replace("postgresql://", "pgmq://", 1),
        "WELLSPRING_IMPORT_SOURCES": relay.url,
        "WELLSPRING_IMPORTS_FROM_LOOPBACK": "1",
        "WELLSPRING_LFS_PART_SIZE": str(MIB),
    }
    command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "default,imports", "-P", "threads"]
    command += ["-c", "2", "-B", "-s", str(tmp_path / "beat"), "--without-gossip", "--without-mingle", "-l", "WARNING"]
    started = []

    def start():
        with (tmp_path / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    sys.stderr.write((tmp_path / "worker.log").read_text()[-6000:])


def test_a_killed_worker_leaves_what_arrived_to_the_next(relay, worker, source):
    relay.speaks_git = True
    ada = make.person("ada")
    name = source("large", weights=WEIGHTS)
    relay.stall_after = 5 * MIB + 100_000
    made = imports.create(name, ada.namespace, by=Principal(user=ada))
    first = worker()
    wait_until(lambda: relay.sent(*FILES) >= relay.stall_after)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    made.refresh_from_db()
    assert (made.state, made.has_history) == ("copying", True)

    relay.stall_after = None
    already = len(relay.asked)
    Import.objects.filter(pk=made.pk).update(claimed_until=timezone.now())  # as 90 seconds later
    worker()
    wait_until(lambda: Import.objects.get(pk=made.pk).state == "done")

    made.refresh_from_db()
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    asked = relay.asked[already:]
    assert sum(one.sent for one in asked if FILES[1] in one.path) == len(WEIGHTS) - 5 * MIB
    assert not [one for one in asked if b"command=fetch" in one.said]  # git's objects had arrived
    assert stored(digest) == WEIGHTS
    assert [Repository.objects.count(), RepositoryObject.objects.count(), LargeObject.objects.count()] == [1, 1, 1]
    assert ImportRun.objects.filter(ended_at__isnull=False).count() == ImportRun.objects.count() == 1
    assert made.bytes_done == made.bytes_total == len(WEIGHTS)
    while outbox.relay():
        pass
    assert made.repository.versions.count() == 1
    assert list(checking.check_repository(Repository.objects.get())) == []
