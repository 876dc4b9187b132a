"""Repositories for the tests of the git layer."""

from pathlib import Path

import pytest

from hub.git import repositories
from hub.git.commits import AddBytes, AddPointer, Author, write_commit

AUTHOR = Author("researcher", "researcher@example.org", 1_700_000_000)
SHA = "ab" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The place of an empty repository."""
    place = repositories.repository_path(tmp_path / "repositories", 7)
    repositories.create(place)
    return place


@pytest.fixture
def repo(path: Path):
    """An empty repository, opened."""
    return repositories.open_repository(path)


@pytest.fixture
def first(repo):
    """A first commit: a card, a pointer to a large object, a file in a folder."""
    return write_commit(
        repo,
        "main",
        [
            AddBytes("README.md", b"# Shapes\n"),
            AddPointer("weights/model.safetensors", SHA, 1234),
            AddBytes("config/a.json", b"{}"),
        ],
        message="first",
        author=AUTHOR,
    )
