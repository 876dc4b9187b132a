"""The stock client, in a process of its own, against the running site."""

import json
import subprocess
import sys
import textwrap

import pytest

from hub.git import reading
from hub.git.repositories import open_repository
from hub.selectors import head_commit
from tests.factories import hub as make

pytestmark = pytest.mark.e2e

PRELUDE = """
import hashlib, io, json, os, sys
from pathlib import Path
import huggingface_hub as hf
from huggingface_hub import errors
api = hf.HfApi()
here = Path(sys.argv[1])
def digest(path): return hashlib.sha256(Path(path).read_bytes()).hexdigest()
def raised(function, *arguments, **more):
    try:
        function(*arguments, **more)
    except Exception as error:
        return type(error).__name__
    return "nothing"
answer = {}
"""


def run(site, folder, token, script, python=sys.executable, **more):
    """Run a client script; returns what it put into `answer`."""
    code = PRELUDE + textwrap.dedent(script) + "\nprint(json.dumps(answer))\n"
    done = subprocess.run(
        [python, "-c", code, str(folder)],
        env=site.environment(folder, token, **more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, f"{done.stderr[-6000:]}\n--- server\n{site.log.read_text()[-4000:]}"
    return json.loads(done.stdout.splitlines()[-1])


UPLOAD = """
big = os.urandom(3_000_000)
(here / "m/sub").mkdir(parents=True)
(here / "m/weights.safetensors").write_bytes(big)
(here / "m/sub/again.bin").write_bytes(big[:2_000_000] + b"tail")
(here / "m/config.json").write_text('{"model_type": "t"}')
(here / "m/README.md").write_text("---\\nlicense: mit\\ntags: [shapes]\\n---\\n# Hi\\n")
name = "ada/tiny"
answer["url"] = str(api.create_repo(name))
answer["exists"] = str(api.create_repo(name, exist_ok=True))
info = api.upload_folder(folder_path=here / "m", repo_id=name)
answer["oid"] = info.oid
snapshot = Path(hf.snapshot_download(name, local_dir=here / "copy"))
answer["same"] = digest(snapshot / "weights.safetensors") == digest(here / "m/weights.safetensors")
answer["same2"] = digest(snapshot / "sub/again.bin") == digest(here / "m/sub/again.bin")
cached = hf.hf_hub_download(name, "sub/again.bin")
answer["cached"] = digest(cached) == digest(here / "m/sub/again.bin")
answer["sha"] = api.model_info(name).sha
answer["files"] = sorted(one.rfilename for one in api.model_info(name, files_metadata=True).siblings)
answer["lfs"] = [one.path for one in api.list_repo_tree(name, recursive=True) if getattr(one, "lfs", None)]
answer["xet"] = [one.path for one in api.list_repo_tree(name, recursive=True) if getattr(one, "xet_hash", None)]
"""


def test_upload_and_download_by_xet(site, tmp_path):
    token = site.token(make.person("ada"))

    answer = run(site, tmp_path, token, UPLOAD)

    assert answer["url"].endswith("/ada/tiny") == answer["exists"].endswith("/ada/tiny") is True
    assert (answer["same"], answer["same2"], answer["cached"]) == (True, True, True)
    assert answer["sha"] == answer["oid"]
    assert answer["lfs"] == answer["xet"] == ["sub/again.bin", "weights.safetensors"]


def test_upload_and_download_by_lfs(site, tmp_path):
    token = site.token(make.person("ada"))

    answer = run(site, tmp_path, token, UPLOAD, HF_HUB_DISABLE_XET="1")

    assert (answer["same"], answer["same2"], answer["cached"]) == (True, True, True)
    assert answer["sha"] == answer["oid"]
    assert answer["lfs"] == ["sub/again.bin", "weights.safetensors"]
    assert answer["xet"] == []


def test_the_rest_of_the_client(site, tmp_path):
    token = site.token(make.person("ada"))
    other = site.token(make.person("bob"))

    answer = run(
        site,
        tmp_path,
        token,
        """
        name = "ada/tiny"
        api.create_repo(name)
        api.create_repo("ada/secret", private=True)
        readme = b"---\\nlicense: mit\\ntags: [shapes]\\npipeline_tag: text-to-image\\n---\\n# Hi\\n"
        first = api.upload_file(path_or_fileobj=readme, path_in_repo="README.md", repo_id=name)
        api.upload_file(path_or_fileobj=b"two", path_in_repo="docs/two.txt", repo_id=name)
        fs = hf.HfFileSystem()
        answer["ls"] = sorted(entry["name"] for entry in fs.ls(f"{name}/docs"))
        answer["cat"] = fs.cat(f"{name}/docs/two.txt").decode()
        answer["old"] = api.list_repo_files(name, revision=first.oid)
        answer["commits"] = [commit.title for commit in api.list_repo_commits(name)]
        api.create_branch(name, branch="work/one")
        api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=name, revision="work/one")
        api.create_tag(name, tag="v1")
        answer["refs"] = [ref.name for ref in api.list_repo_refs(name).branches + api.list_repo_refs(name).tags]
        answer["branch"] = Path(hf.hf_hub_download(name, "x.txt", revision="work/one")).read_text()
        answer["models"] = [one.id for one in api.list_models(author="ada", filter="shapes", sort="created_at")]
        answer["mine"] = sorted(one.id for one in api.list_models(author="ada"))
        answer["info"] = api.model_info(name).card_data.license
        answer["who"] = api.whoami()["name"]
        answer["paths"] = [one.path for one in api.get_paths_info(name, ["README.md", "docs", "nothing"], expand=True)]
        answer["exists"] = [api.file_exists(name, "README.md"), api.file_exists(name, "no"), api.repo_exists("ada/no")]
        stranger = hf.HfApi(token=sys.argv[0] and os.environ["OTHER"])
        answer["errors"] = [
            raised(api.model_info, "ada/missing"),
            raised(api.model_info, "missing"),
            raised(api.model_info, name, revision="missing"),
            raised(hf.hf_hub_download, name, "missing.txt"),
            raised(stranger.model_info, "ada/secret"),
            raised(hf.HfApi(token=False).model_info, "ada/secret"),
            raised(stranger.upload_file, path_or_fileobj=b"x", path_in_repo="x", repo_id=name),
            raised(api.create_commit, name, [hf.CommitOperationAdd("y", b"y")], commit_message="y",
                   parent_commit=first.oid),
        ]
        answer["stranger"] = sorted(one.id for one in stranger.list_models(author="ada"))
        api.delete_file("docs/two.txt", name)
        answer["left"] = api.list_repo_files(name)
        api.move_repo(name, "ada/moved")
        answer["moved"] = api.model_info(name).id
        answer["redirected"] = Path(hf.hf_hub_download(name, "README.md", force_download=True)).read_bytes() == readme
        api.delete_repo("ada/moved")
        answer["gone"] = api.repo_exists("ada/moved")
        """,
        OTHER=other,
    )

    assert answer == {
        "ls": ["ada/tiny/docs/two.txt"],
        "cat": "two",
        "old": [".gitattributes", "README.md"],
        "commits": [
            "Upload docs/two.txt with huggingface_hub",
            "Upload README.md with huggingface_hub",
            "initial commit",
        ],
        "refs": ["main", "work/one", "v1"],
        "branch": "x",
        "models": ["ada/tiny"],
        "mine": ["ada/secret", "ada/tiny"],
        "info": "mit",
        "who": "ada",
        "paths": ["README.md", "docs"],
        "exists": [True, False, False],
        "errors": [
            "RepositoryNotFoundError",
            "RepositoryNotFoundError",
            "RevisionNotFoundError",
            "RemoteEntryNotFoundError",
            "RepositoryNotFoundError",
            "RepositoryNotFoundError",
            "HfHubHTTPError",
            "HfHubHTTPError",
        ],
        "stranger": ["ada/tiny"],
        "left": [".gitattributes", "README.md"],
        "moved": "ada/moved",
        "redirected": True,
        "gone": False,
    }


def test_writers_at_the_same_time_lose_nothing(site, tmp_path):
    ada = make.person("ada")
    repository = make.repository(ada, "tiny")

    answer = run(
        site,
        tmp_path,
        site.token(ada),
        """
        from concurrent.futures import ThreadPoolExecutor
        def write(number):
            return api.upload_file(path_or_fileobj=b"x", path_in_repo=f"f/{number}.txt", repo_id="ada/tiny").oid
        with ThreadPoolExecutor(6) as pool:
            answer["oids"] = list(pool.map(write, range(18)))
        answer["files"] = len(api.list_repo_files("ada/tiny"))
        """,
    )

    assert len(set(answer["oids"])) == 18
    assert answer["files"] == 19
    assert len(reading.log(open_repository(repository.path), head_commit(repository), limit=50)) == 19
