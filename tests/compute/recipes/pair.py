"""Two processes of one training, as torchrun starts them; but one is a fork of the other, so that both load once.

Loading takes each of them several seconds of a core. That torchrun itself starts them, test_processes proves.
"""

import importlib
import json
import os
import subprocess
import sys

from compute.recipes.training.command import command
from config.embedded.ports import free_port

ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "TRANSFORMERS_VERBOSITY": "error"}


def two_processes(recipe, config, **settings):
    """The events of a training in two processes."""
    return events_of([sys.executable, "-m", "tests.compute.recipes.pair"], recipe, config, settings)


def events_of(start, recipe, config, settings):
    asked = [part for name, value in settings.items() for part in ("--set", f"training.{name}={value}")]
    done = subprocess.run(
        [*start, recipe, "--config", str(config), *asked],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def main(recipe, *argv):
    importlib.import_module(f"compute.recipes.{recipe}.program")
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    os.environ |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    second = os.fork()
    os.environ["RANK"] = os.environ["LOCAL_RANK"] = "0" if second else "1"
    code = command(recipe, argv)
    if second:
        _, status = os.waitpid(second, 0)
        code = code or os.waitstatus_to_exitcode(status)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
