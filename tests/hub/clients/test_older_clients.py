"""Older releases of the stock client, which speak older forms of the protocol."""

import pytest

from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import UPLOAD, run
from tests.support import clients

pytestmark = pytest.mark.e2e

REST = """
name = "ada/rest"
api.create_repo(name, private=True)
api.create_branch(name, branch="side")
api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=name, revision="side")
api.create_tag(name, tag="v1", revision="side")
answer["refs"] = [ref.name for ref in api.list_repo_refs(name).branches + api.list_repo_refs(name).tags]
fs = hf.HfFileSystem()
with fs.open(f"{name}/written.txt", "w") as file:
    file.write("by the file system")
answer["cat"] = fs.cat(f"{name}/written.txt").decode()
answer["mine"] = [one.id for one in api.list_models(author="ada")]
answer["missing"] = [raised(api.model_info, "ada/none"), raised(hf.hf_hub_download, name, "none")]
opened = api.create_pull_request(name, title="Idea")
api.upload_file(path_or_fileobj=b"y", path_in_repo="y.txt", repo_id=name, revision=opened.git_reference)
api.change_discussion_status(name, opened.num, new_status="open")
api.merge_pull_request(name, opened.num)
answer["merged"] = api.file_exists(name, "y.txt")
api.delete_repo(name)
"""


@pytest.mark.parametrize(
    ("version", "more", "xet"),
    [
        ("1.29.0", {}, True),
        ("1.29.0", {"HF_HUB_DISABLE_XET": "1"}, False),
        ("1.19.0", {"HF_HUB_DISABLE_XET": "1"}, False),
    ],
)
def test_uploads_downloads_and_the_rest(site, tmp_path, version, more, xet):
    token = site.token(make.person("ada"))
    python = clients.huggingface_hub(version)

    answer = run(site, tmp_path, token, UPLOAD, python=python, **more)
    rest = run(site, tmp_path, token, REST, python=python, **more)

    large = ["sub/again.bin", "weights.safetensors"]
    assert (answer["same"], answer["same2"], answer["cached"]) == (True, True, True)
    assert answer["lfs"] == large
    assert answer["xet"] == (large if xet else [])
    assert rest == {
        "refs": ["main", "side", "v1"],
        "cat": "by the file system",
        "mine": ["ada/rest", "ada/tiny"],
        "missing": ["RepositoryNotFoundError", "RemoteEntryNotFoundError"],
        "merged": True,
    }


def test_a_large_file_goes_in_parts(site, tmp_path):
    """The test site takes parts of one MiB; this client asks for the transfer called multipart."""
    token = site.token(make.person("ada"))

    answer = run(
        site,
        tmp_path,
        token,
        """
        from huggingface_hub import lfs
        in_parts = lfs._upload_multi_part
        def noticed(*arguments, **more):
            answer["in_parts"] = True
            return in_parts(*arguments, **more)
        lfs._upload_multi_part = noticed
        data = os.urandom(3 * 2**20 + 17)
        api.create_repo("ada/parts")
        api.upload_file(path_or_fileobj=data, path_in_repo="data.bin", repo_id="ada/parts")
        answer["same"] = Path(hf.hf_hub_download("ada/parts", "data.bin")).read_bytes() == data
        """,
        python=clients.huggingface_hub("1.19.0"),
        HF_HUB_DISABLE_XET="1",
    )

    assert answer == {"in_parts": True, "same": True}
