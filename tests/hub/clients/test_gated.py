"""Gated repositories, settings and copies with the stock clients."""

import subprocess
import sys

import pytest

from accounts.models import Organisation
from accounts.services import organisations
from hub.models import AccessRequest, Repository
from hub.services import access
from tests.factories import hub as make
from tests.hub.clients.test_git import git
from tests.hub.clients.test_huggingface_hub import run

pytestmark = pytest.mark.e2e

SETUP = """
name = "ada/gated"
bob = hf.HfApi(token=os.environ["BOB"])
nobody = hf.HfApi(token=False)
def put(**facts): api.update_repo_settings(name, **facts)
def lists(): return {
    "pending": [one.username for one in api.list_pending_access_requests(name)],
    "accepted": [one.username for one in api.list_accepted_access_requests(name)],
    "rejected": [one.username for one in api.list_rejected_access_requests(name)],
}
def snapshot(who, folder): return who.snapshot_download(name, local_dir=here / folder)
def download(who, folder): return who.hf_hub_download(name, "config.json", local_dir=here / folder)
"""


def upload(site, folder, token):
    return run(
        site,
        folder,
        token,
        """
        (here / "m").mkdir()
        (here / "m/weights.safetensors").write_bytes(os.urandom(2_000_000))
        (here / "m/config.json").write_text("{}")
        api.create_repo("ada/gated")
        api.upload_folder(folder_path=here / "m", repo_id="ada/gated")
        answer["done"] = True
        """,
    )


@pytest.mark.parametrize("xet", [True, False])
def test_gated_by_the_client(site, tmp_path, xet):
    ada, bob = make.person("ada"), make.person("bob", email="bob@example.org")
    token = site.token(ada)
    upload(site, tmp_path, token)
    more = {} if xet else {"HF_HUB_DISABLE_XET": "1"}

    answer = run(
        site,
        tmp_path,
        token,
        SETUP
        + """
put(gated="manual")
answer["gated"] = [who.model_info(name, expand="gated").gated for who in (api, bob, nobody)]
answer["files"] = [one.path for one in nobody.list_repo_tree(name)]
answer["listed"] = [[one.id for one in bob.list_models(gated=flag)] for flag in (True, False)]
answer["closed"] = [
    raised(download, bob, "b1"), raised(download, nobody, "b2"), raised(snapshot, bob, "b3"),
    raised(snapshot, nobody, "b4"), raised(bob.auth_check, name), raised(bob.file_exists, name, "config.json"),
    raised(bob.duplicate_repo, name), raised(bob.get_paths_info, name, ["config.json"]),
]
try:
    download(bob, "b5")
except Exception as error:
    answer["says"] = str(error)
answer["before"] = lists()
api.grant_access(name, "bob")
answer["granted"] = lists()
answer["mail"] = [one.email for one in api.list_accepted_access_requests(name)]
answer["twice"] = raised(api.grant_access, name, "bob")
answer["open"] = [raised(download, bob, "b6"), raised(snapshot, bob, "b7"), raised(bob.auth_check, name)]
answer["same"] = digest(here / "b7/weights.safetensors") == digest(here / "m/weights.safetensors")
api.cancel_access_request(name, "bob")
answer["cancelled"] = lists()
answer["again"] = raised(api.cancel_access_request, name, "bob")
api.reject_access_request(name, "bob", rejection_reason="Tell us more")
answer["rejected"] = lists()
answer["after"] = [raised(download, bob, "b8"), raised(snapshot, bob, "b8")]
(one,) = api.list_rejected_access_requests(name)
api.accept_access_request(name, request_id=one.request_id)
answer["accepted"] = lists()
answer["stranger"] = raised(lambda: list(bob.list_pending_access_requests(name)))
put(gated=False)
answer["off"] = [api.model_info(name).gated, raised(download, nobody, "b9")]
        """,
        BOB=site.token(bob),
        **more,
    )

    empty = {"pending": [], "accepted": [], "rejected": []}
    assert answer["gated"] == ["manual"] * 3
    assert answer["files"] == [".gitattributes", "config.json", "weights.safetensors"]
    assert answer["listed"] == [["ada/gated"], []]
    assert answer["closed"] == ["GatedRepoError"] * 7 + ["nothing"]
    assert "Access to model ada/gated is restricted and you are not in the authorized list" in answer["says"]
    assert f"Visit {site.url}/ada/gated to ask for access" in answer["says"]
    assert answer["before"] == empty
    assert answer["granted"] == answer["accepted"] == empty | {"accepted": ["bob"]}
    assert answer["mail"] == [None]
    assert answer["twice"] == answer["again"] == answer["stranger"] == "HfHubHTTPError"
    assert answer["open"] == ["nothing"] * 3
    assert answer["same"] is True
    assert answer["cancelled"] == empty | {"pending": ["bob"]}
    assert answer["rejected"] == empty | {"rejected": ["bob"]}
    # Also by Xet: the token that the client still has is refused, and a new one is not given.
    assert answer["after"] == ["GatedRepoError", "GatedRepoError"]
    assert answer["off"] == [False, "nothing"]


def test_the_command_line_says_that_approval_is_needed(site, tmp_path):
    ada, bob = make.person("ada"), make.person("bob")
    upload(site, tmp_path, site.token(ada))
    Repository.objects.update(gated="auto")

    def download():
        return subprocess.run(
            [sys.executable, "-m", "huggingface_hub.cli.hf", "download", "ada/gated"],
            env=site.environment(tmp_path, site.token(bob)),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    refused = download()
    access.ask(Repository.objects.get(), by=make.as_principal(bob), answers={})
    granted = download()

    assert refused.returncode != 0
    assert "Access denied" in refused.stderr
    assert "requires approval" in refused.stderr
    assert granted.returncode == 0, granted.stderr
    assert [one.state for one in AccessRequest.objects.all()] == ["accepted"]


def test_git_clones_a_gated_repository_for_those_who_were_let_in(site, tmp_path):
    ada, bob = make.person("ada"), make.person("bob")
    upload(site, tmp_path, site.token(ada))
    Repository.objects.update(gated="manual")
    as_bob = site.url.replace("http://", f"http://bob:{site.token(bob)}@") + "/ada/gated"
    as_ada = site.url.replace("http://", f"http://ada:{site.token(ada)}@") + "/ada/gated"
    git(site, tmp_path, "lfs", "install")

    anonymous = git(site, tmp_path, "clone", f"{site.url}/ada/gated", "one", fails=True)
    stranger = git(site, tmp_path, "clone", as_bob, "two", fails=True)
    access.grant(Repository.objects.get(), bob, by=make.as_principal(ada))
    git(site, tmp_path, "clone", as_bob, "three")
    git(site, tmp_path, "clone", as_ada, "four")

    assert "could not read Username" in anonymous
    assert "you are not in the authorized list" in stranger
    assert "403" in stranger
    for folder in ("three", "four"):
        assert (tmp_path / folder / "weights.safetensors").stat().st_size == 2_000_000
    request = AccessRequest.objects.get()
    access.reject(request, by=make.as_principal(ada), reason="No longer")
    assert "authorized list" in git(site, tmp_path / "three", "fetch", fails=True)


def test_duplicates_by_the_client(site, tmp_path):
    ada, bob = make.person("ada"), make.person("bob")
    lab = organisations.create_organisation("lab", by=make.as_principal(bob))
    Organisation.objects.filter(pk=lab.pk).update(is_private_by_default=True)
    upload(site, tmp_path, site.token(ada))

    answer = run(
        site,
        tmp_path,
        site.token(ada),
        SETUP
        + """
api.create_tag(name, tag="v1")
api.create_repo("ada/space", repo_type="space", space_sdk="static")
made = bob.duplicate_repo(name)
answer["made"] = [made.repo_id, made.files_copy_pending]
answer["there"] = bob.duplicate_repo(name, exist_ok=True).repo_id
answer["twice"] = raised(bob.duplicate_repo, name)
answer["lab"] = bob.duplicate_repo(name, "lab/copy").repo_id
answer["lab private"] = bob.model_info("lab/copy").private
answer["private"] = bob.model_info(bob.duplicate_repo(name, "bob/mine", private=True).repo_id).private
answer["space"] = bob.duplicate_repo("ada/space", repo_type="space").repo_id
answer["hardware"] = raised(bob.duplicate_repo, "ada/space", "bob/s", repo_type="space", space_hardware="t4-medium")
answer["tags"] = [one.name for one in bob.list_repo_refs("bob/gated").tags]
answer["commits"] = len(bob.list_repo_commits("bob/gated")) == len(api.list_repo_commits(name))
bob.snapshot_download("bob/gated", local_dir=here / "c")
answer["same"] = digest(here / "c/weights.safetensors") == digest(here / "m/weights.safetensors")
bob.create_repo("lab/new")
answer["default"] = bob.model_info("lab/new", expand="private").private
        """,
        BOB=site.token(bob),
    )

    assert answer == {
        "made": ["bob/gated", False],
        "there": "bob/gated",
        "twice": "HfHubHTTPError",
        "lab": "lab/copy",
        "lab private": True,
        "private": True,
        "space": "bob/space",
        "hardware": "BadRequestError",
        "tags": ["v1"],
        "commits": True,
        "same": True,
        "default": True,
    }
