"""A stock client of one version in an environment of its own, and the tests that it was released with."""

import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

# What the client's tests import. Versions are the resolver's business: the client is what is pinned.
_REQUIREMENTS = [
    "pytest", "pytest-timeout", "pytest-mock", "pytest-asyncio", "pytest-vcr", "jedi", "Jinja2", "soundfile",
    "Pillow", "numpy", "duckdb", "fastapi", "authlib", "itsdangerous",
]  # fmt: skip
_CARD = """---
language:
- en
license: mit
library_name: pytorch-lightning
tags:
- pytorch
- image-classification
datasets:
- beans
metrics:
- acc
---

# my-cool-model
"""


@dataclass(frozen=True)
class Client:
    """`python` runs it; `root` holds the package `tests` that came with it."""

    version: str
    python: Path
    root: Path


def prepare(version: str, cache: Path) -> Client:
    """Installs the client and unpacks its tests, unless that was done before."""
    folder = cache / version
    client = Client(version, folder / "venv" / "bin" / "python", folder / "root")
    stamp = folder / "complete"
    if not stamp.exists():
        print(f"Installing huggingface_hub {version} and its tests", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        pip = [client.python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        old = ["urllib3<2"] if version.startswith("1.") else []
        subprocess.run([*pip, "install", f"huggingface_hub=={version}", *_REQUIREMENTS, *old], check=True)
        source = ["download", "--no-deps", "--no-binary", ":all:", "--dest", folder, f"huggingface_hub=={version}"]
        subprocess.run([*pip, *source], check=True)
        _unpack(next(folder.glob("huggingface_hub-*.tar.gz")), client.root)
        stamp.touch()
    # Ours may have changed since.
    shutil.copy(Path(__file__).parent / "conftest_of_suite.py", client.root / "tests" / "conftest.py")
    return client


def _unpack(archive: Path, root: Path) -> None:
    with tarfile.open(archive) as tar:
        tar.extractall(root.parent / "source", filter="data")
    (source,) = (root.parent / "source").iterdir()
    root.mkdir()
    (source / "tests").rename(root / "tests")
    (root / "tests" / "__init__.py").touch()
    # The distribution lacks the sample cards; one eligible test reads this one.
    cards = root / "tests" / "fixtures" / "cards"
    cards.mkdir(parents=True)
    (cards / "sample_simple.md").write_text(_CARD)
