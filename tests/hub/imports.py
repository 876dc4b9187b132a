"""Bringing repositories from the second hub of tests/support/second_hub.py."""

import time

from django.utils import timezone

from accounts.principal import Principal
from hub import stores
from hub.models import Import
from hub.selectors.revisions import files_at, revision_of
from hub.services import importing, imports

CARD = b"---\nlicense: apache-2.0\n---\n# Tiny\n"
WEIGHTS = b"weights of a small model " * 120_000


def put(hub, name, files, *, kind="model", deleted=(), **more):
    """One commit there; returns its id."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    operations += [CommitOperationDelete(path) for path in deleted]
    more = {"commit_message": "Add files", "repo_type": kind} | more
    return hub.api().create_commit(name, operations, **more).oid


def bring(user, source, name="", **facts):
    """Ask for an import and work on it once."""
    made = imports.create(source, user.namespace, name, by=Principal(user=user), **facts)
    importing.run(made.pk)
    made.refresh_from_db()
    return made


def again(found):
    """The next look of a mirror."""
    due(found)
    importing.run(found.pk)
    found.refresh_from_db()
    return found


def due(found):
    Import.objects.filter(pk=found.pk).update(next_run_at=timezone.now())


def contents(repository, revision="main"):
    return {file.path: file for file in files_at(revision_of(repository, revision)) if not file.is_folder}


def stored(sha256):
    with stores.plain_objects().open(sha256) as file:
        return file.read()


def wait_until(condition, *, seconds=90):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")
