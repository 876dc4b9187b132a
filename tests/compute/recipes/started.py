"""Trainings in processes of their own. All are copies of one that has loaded torch and the recipes.

Loading takes each of them several seconds of a core. That the command itself and torchrun start them is proven by
test_training and test_processes.
"""

import json
import multiprocessing
import os
import signal
import tempfile
from pathlib import Path

from compute.recipes.training.command import command
from config.embedded.ports import free_port

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "TRANSFORMERS_VERBOSITY": "error"}
COPYING = multiprocessing.get_context("forkserver")
COPYING.set_forkserver_preload(
    [f"compute.recipes.{name}.program" for name in ("text_to_image", "distillation", "segmentation", "dance_diffusion")]
)


class Training:
    """One process; `events` are those that it tells, as they come."""

    def __init__(self, recipe, config, *settings, **environment):
        asked = ["--config", str(config), *(part for setting in settings for part in ("--set", setting))]
        told, self._telling = COPYING.Pipe(duplex=False)
        self.events = self._events(told)
        with tempfile.NamedTemporaryFile(delete=False) as file:
            self._errors = Path(file.name)
        facts = (recipe, asked, os.environ | ENVIRONMENT | environment, self._telling, self._errors)
        self._process = COPYING.Process(target=_train, args=facts)
        self._process.start()
        self._telling.close()

    def _events(self, told):
        with told, os.fdopen(os.dup(told.fileno())) as lines:
            yield from map(json.loads, lines)

    def kill_at_checkpoint(self, step=0):
        """`kill -9` once it told of a checkpoint at this step or later."""
        kept = any(event["event"] == "checkpoint" and event["step"] >= step for event in self.events)
        self._process.kill()
        assert (self.ended(), kept) == (-signal.SIGKILL, True), self._errors.read_text()[-4000:]

    def ended(self):
        """Its exit code. What it still had to tell is dropped."""
        for _event in self.events:
            pass
        self._process.join(200)
        return self._process.exitcode

    def all_events(self):
        """Those of a training that ends well."""
        found = list(self.events)
        assert self.ended() == 0, self._errors.read_text()[-4000:]
        return found


def killed_at_checkpoint(recipe, config, step=0):
    Training(recipe, config).kill_at_checkpoint(step)


def two_processes(recipe, config, **settings):
    """The events of a training in two processes, with these settings of the loop."""
    asked = [f"training.{name}={value}" for name, value in settings.items()]
    both = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    one, other = (Training(recipe, config, *asked, RANK=rank, LOCAL_RANK=rank, **both) for rank in "01")
    events = one.all_events()
    assert other.all_events() == [], "only the first process speaks"
    return events


def _train(recipe, asked, environment, telling, errors):
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(telling.fileno(), 1)
    with errors.open("wb") as file:
        os.dup2(file.fileno(), 2)
    raise SystemExit(command(recipe, asked))
