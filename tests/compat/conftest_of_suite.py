"""The fixtures that the client's tests ask for by name; its source distribution comes without them.

Copied beside those tests; it may import nothing of ours.
"""

import contextlib
import re
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.utils import SoftTemporaryDirectory
from huggingface_hub.utils._runtime import is_package_available

from . import testing_constants
from .testing_utils import repo_name

RepoFactory = object  # a name that tests import for their annotations

_PLACES = {
    "HF_HOME": "",
    "HF_HUB_CACHE": "hub",
    "HUGGINGFACE_HUB_CACHE": "hub",
    "HF_XET_CACHE": "xet",
    "HF_ASSETS_CACHE": "assets",
    "HF_TOKEN_PATH": "token",
    "HF_STORED_TOKENS_PATH": "stored_tokens",
}


@pytest.fixture(autouse=True)
def own_home(monkeypatch):
    """Each test has caches and a token file of its own."""
    with SoftTemporaryDirectory() as folder:
        for name, below in _PLACES.items():
            if hasattr(constants, name):
                monkeypatch.setattr(constants, name, str(Path(folder) / below))
        yield


@pytest.fixture(autouse=True)
def forgetful_client(monkeypatch):
    """What the client keeps in module variables does not go on to the next test."""
    from huggingface_hub.inference._providers.hf_inference import _check_supported_task
    from huggingface_hub.utils import _auth

    for name, empty in {"_OAUTH_REFRESH_CACHE": None, "_OAUTH_REFRESH_WARNED": False}.items():
        if hasattr(_auth, name):
            monkeypatch.setattr(_auth, name, empty)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_EXPERIMENTAL_WARNING", True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with contextlib.suppress(ImportError):
        from huggingface_hub.cli._output import out

        out.set_mode()
        if hasattr(out, "set_no_truncate"):
            out.set_no_truncate(False)
    _check_supported_task.cache_clear()
    yield
    _check_supported_task.cache_clear()


@pytest.fixture(autouse=True)
def markers(request, monkeypatch):
    """What the suite's markers promise."""
    marked = request.node.get_closest_marker
    if marked("git_lfs"):
        pytest.skip("needs git-lfs")
    if marked("no_xet") and is_package_available("hf_xet"):
        pytest.skip("hf_xet is installed")
    if marked("xet"):
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
        monkeypatch.delenv("HF_HUB_DISABLE_XET", raising=False)
    names = [name for mark in request.node.iter_markers("deprecated") for name in mark.args]
    if not names:
        yield
        return
    with pytest.warns(FutureWarning) as warned:
        yield
    for name in names:
        assert any(re.search(f"'{name}'", str(one.message)) for one in warned), name


@pytest.fixture(scope="session")
def api():
    return HfApi(endpoint=testing_constants.ENDPOINT_STAGING, token=testing_constants.TOKEN)


@pytest.fixture(scope="session")
def api_prod():
    return HfApi(endpoint=testing_constants.ENDPOINT_PRODUCTION)


@pytest.fixture(scope="module")
def vcr_config():
    return {"ignore_localhost": True, "path_transformer": lambda path: f"{path}.yaml"}


@pytest.fixture
def repo_factory(api):
    """Makes repositories that are gone after the test."""
    made = []

    def make(repo_type="model", **more):
        if repo_type == "space":
            more.setdefault("space_sdk", "gradio")
        more.setdefault("repo_id", repo_name(prefix=repo_type))
        url = api.create_repo(repo_type=repo_type, **more)
        made.append((url.repo_id, repo_type, more.get("token")))
        return url

    yield make
    for name, repo_type, token in made:
        with contextlib.suppress(huggingface_hub.errors.HfHubHTTPError):
            api.delete_repo(repo_id=name, repo_type=repo_type, token=token)


@pytest.fixture
def new_repo_id(api):
    name = f"{testing_constants.USER}/{repo_name()}"
    yield name
    api.delete_repo(name, missing_ok=True)
