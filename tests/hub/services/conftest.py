"""Repositories of a second hub, to be imported."""

import pytest

from tests.hub.imports import CARD, WEIGHTS, put
from tests.support.second_hub import relaying


@pytest.fixture
def relay(second_hub, settings):
    """What imports read from."""
    with relaying(second_hub.url) as found:
        settings.IMPORT_SOURCES = [found.url]
        settings.IMPORTS_FROM_LOOPBACK = True
        settings.LFS_PART_SIZE = 2**20
        yield found


@pytest.fixture
def source(second_hub):
    """Makes a repository there, under a name that no other test has."""

    def build(name, *, card=CARD, kind="model", private=False, weights=WEIGHTS, **more):
        full_name = f"grace/{name}"
        second_hub.api().create_repo(full_name, repo_type=kind, private=private)
        files = {"README.md": card, "config.json": b'{"a": 1}', **more.get("files", {})}
        if weights:
            files["model.safetensors"] = weights
        put(second_hub, full_name, files, kind=kind)
        return full_name

    return build
