"""Discussions and pull requests by the stock client."""

import pytest

from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run

pytestmark = pytest.mark.e2e

TALK = """
import urllib.request
owner = hf.HfApi(token=os.environ["OWNER"])
name = "ada/tiny"
big = os.urandom(300_000)
made = api.create_commit(
    name,
    [hf.CommitOperationAdd("words.txt", b"words"), hf.CommitOperationAdd("w.safetensors", big)],
    commit_message="Better weights", create_pr=True,
)
answer["pr"] = [made.pr_num, made.pr_revision, made.pr_url.endswith("/ada/tiny/discussions/1")]
answer["more"] = api.upload_file(
    path_or_fileobj=b"more", path_in_repo="more.txt", repo_id=name, revision="refs/pr/1"
).pr_num
from PIL import Image
Image.new("RGB", (3, 3)).save(here / "shot.png")
shot = api.upload_attachment(here / "shot.png")
talk = api.create_discussion(name, "A question", description=f"Why? ![shot]({shot})")
with urllib.request.urlopen(shot) as picture:
    answer["shot"] = [picture.headers["Content-Type"], picture.read()[1:4] == b"PNG"]
draft = api.create_pull_request(name, "Not yet")
answer["listed"] = [[one.num, one.status, one.is_pull_request] for one in owner.get_repo_discussions(name)]
said = owner.comment_discussion(name, talk.num, "Because.")
answer["edited"] = owner.edit_discussion_comment(name, talk.num, said.id, "So.").content
answer["closed"] = api.change_discussion_status(name, talk.num, "closed").new_status
answer["refused"] = raised(api.merge_pull_request, name, 1)
owner.merge_pull_request(name, 1, comment="Thanks")
details = api.get_discussion_details(name, 1)
answer["merged"] = [details.status, details.merge_commit_oid == api.model_info(name).sha, details.conflicting_files]
answer["events"] = [event.type for event in details.events]
answer["diff"] = "+words" in details.diff
answer["same"] = Path(hf.hf_hub_download(name, "w.safetensors")).read_bytes() == big
answer["refs"] = [ref.ref for ref in api.list_repo_refs(name, include_pull_requests=True).pull_requests]
"""
EXPECTED = {
    "pr": [1, "refs/pr/1", True],
    "more": None,
    "listed": [[3, "draft", True], [2, "open", False], [1, "open", True]],
    "shot": ["image/png", True],
    "edited": "So.",
    "closed": "closed",
    "refused": "HfHubHTTPError",
    "merged": ["merged", True, []],
    "events": ["comment", "commit", "commit", "comment", "status-change"],
    "diff": True,
    "same": True,
    "refs": ["refs/pr/1", "refs/pr/3"],
}


@pytest.mark.parametrize("way", ["xet", "lfs"])
def test_a_stranger_proposes_weights_and_the_owner_merges(site, tmp_path, way):
    ada = make.person("ada")
    make.repository(ada, "tiny", files={"a.txt": b"one\n"})
    more = {"HF_HUB_DISABLE_XET": "1"} if way == "lfs" else {}

    answer = run(site, tmp_path, site.token(make.person("bob")), TALK, OWNER=site.token(ada), **more)

    assert answer == EXPECTED
