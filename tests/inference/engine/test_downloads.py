"""One folder of models, and several processes that bring, read and take away what is in it."""

import json
import subprocess
import sys

import pytest

from tests.factories import hub

WORKER = """
import json, sys
from contextlib import ExitStack
from pathlib import Path
from inference.engine.downloads import Downloads
from inference.engine.requests import ModelKey

downloads = Downloads(Path(sys.argv[1]), endpoint=sys.argv[2], max_bytes=25)
held = ExitStack()
for line in sys.stdin:
    if line == "\\n":
        held.close()
        told = []
    else:
        folder = held.enter_context(downloads.held(ModelKey(*line.split())))
        told = [path.read_text() for path in folder.glob("*/*.safetensors")]
    print(json.dumps(told), flush=True)
"""


class Worker:
    """A process of its own on the shared folder."""

    def __init__(self, root, site, environment):
        command = [sys.executable, "-c", WORKER, str(root), site.url]
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, repository=None):
        self.process.stdin.write(f"{repository.full_name} {repository.head}\n" if repository else "\n")
        self.process.stdin.flush()

    def told(self):
        return json.loads(self.process.stdout.readline())

    def hold(self, repository):
        self.ask(repository)
        return self.told()

    def free(self):
        self.ask()
        assert self.told() == []

    def end(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def shared(site, tmp_path):
    """A folder, two processes, and five models of ten bytes of which two fit."""
    root = tmp_path / "shared"
    workers = [Worker(root, site, site.environment(tmp_path / str(number))) for number in range(3)]
    models = []
    for number in range(5):
        made = hub.repository(
            hub.person(f"maker{number}"),
            name="model",
            files={"unet/model.safetensors": b"%010d" % number, "model_index.json": b"{}"},
        )
        made.refresh_from_db()
        models.append(made)
    yield root, workers, models
    for worker in workers:
        worker.end()


def here(root, model):
    return (root / model.full_name.replace("/", "--") / model.head / "unet" / "model.safetensors").exists()


def test_no_process_takes_away_what_another_one_reads(shared):
    root, (reader, other, third), models = shared
    assert reader.hold(models[0]) == ["0000000000"]
    for model in models[1:4]:
        other.hold(model)
        other.free()
    # The oldest is read, so those that came later went.
    assert [here(root, model) for model in models] == [True, False, False, True, False]
    reader.free()
    other.hold(models[4])
    assert [here(root, model) for model in models] == [False, False, False, True, True]
    # Who is killed holds nothing any more.
    other.end()
    assert reader.hold(models[0]) == ["0000000000"]
    assert reader.hold(models[1]) == ["0000000001"]
    assert [here(root, model) for model in models] == [True, True, False, False, False]
    # Held by a process more than fit: all of it stays.
    assert reader.hold(models[2]) == ["0000000002"]
    third.hold(models[3])
    assert [here(root, model) for model in models] == [True, True, True, True, False]


def test_of_two_that_want_the_same_one_waits_and_what_was_cut_off_is_brought_again(shared):
    root, (one, other, _third), models = shared
    for worker in (one, other):
        worker.ask(models[0])
    assert (one.told(), other.told()) == (["0000000000"], ["0000000000"])
    other.end()
    one.free()
    # As it is left by a worker that was killed in the middle of taking a folder away.
    folder = root / models[0].full_name.replace("/", "--") / models[0].head
    (folder / ".complete").unlink()
    (folder / "unet" / "model.safetensors").unlink()
    assert one.hold(models[0]) == ["0000000000"]
