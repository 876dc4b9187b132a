"""What every step of the demo is given."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from demo.people import Person, State

PROJECT = Path(__file__).resolve().parent.parent
DATASET = "maker/shapes"
MODEL = "researcher/shapes-mmdit"


@dataclass
class World:
    url: str
    data: Path
    state: State
    people: dict[str, Person]
    training_steps: int | None

    def __getitem__(self, name: str) -> Person:
        return self.people[name]

    @property
    def folder(self) -> Path:
        """Scratch space of the demo's own."""
        return self.state.folder

    def manage(self, *arguments: str) -> str:
        """What an administrator types on the server."""
        return self.run(sys.executable, str(PROJECT / "manage.py"), *arguments)

    def run(self, *command: str, token: str = "", **options: object) -> str:
        """A command line as a user would type it; returns what it printed."""
        environment = os.environ | ({"HF_TOKEN": token} if token else {})
        done = subprocess.run(
            list(command), env=environment, capture_output=True, text=True, check=False, timeout=900, **options
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
        return done.stdout
