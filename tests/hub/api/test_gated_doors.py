"""Every door that lets contents out, for everybody who may come to it."""

import hashlib
import json

import pytest
from django.urls import get_resolver
from django.urls.resolvers import URLPattern

from accounts.enums import TokenScope
from accounts.principal import ANONYMOUS, Principal
from accounts.services import tokens
from hub.models import AccessRequest
from hub.selectors import contents_open_to, has_contents, held_objects
from hub.selectors.buckets import readable_in
from hub.services import access, discussions, duplicates, repositories
from hub.services.commits import AddBytes
from tests.factories import hub as make
from tests.factories.accounts import UserFactory, job_token
from tests.hub.api.test_resolve import body
from tests.hub.gated import CLOSED_TO, OPEN_TO, SECRET, WEIGHTS, Scene, scene

pytestmark = pytest.mark.django_db

EVERYBODY = [*OPEN_TO, *CLOSED_TO]
API = "/api/models/lab/gated"


def headers_of(found: Scene, who: str, scope: TokenScope = TokenScope.READ) -> dict[str, str]:
    user = found.people.get(who)
    return {"Authorization": f"Bearer {tokens.issue_token(user, name='t', scope=scope)}"} if user else {}


def lfs(client, found, headers):
    sent = {"operation": "download", "objects": [{"oid": found.sha256, "size": len(WEIGHTS)}]}
    address = "/lab/gated.git/info/lfs/objects/batch"
    return client.post(address, json.dumps(sent), content_type="application/vnd.git-lfs+json", headers=headers)


DOORS = {
    "small file": ("GET", "/lab/gated/resolve/main/secret.txt"),
    "its head": ("HEAD", "/lab/gated/resolve/main/secret.txt"),
    "old revision": ("GET", "/lab/gated/resolve/{commit:.10}/secret.txt"),
    "attributes": ("GET", "/lab/gated/resolve/main/.gitattributes"),
    "large file": ("GET", "/lab/gated/resolve/main/model.safetensors"),
    "raw": ("GET", "/lab/gated/raw/main/secret.txt"),
    "pointer": ("GET", "/lab/gated/raw/main/model.safetensors"),
    "xet token": ("GET", f"{API}/xet-read-token/{{commit}}"),
    "refs for git": ("GET", "/lab/gated/info/refs?service=git-upload-pack"),
    "auth check": ("GET", f"{API}/auth-check"),
}


@pytest.mark.parametrize("who", EVERYBODY)
def test_content_is_for_those_who_were_let_in(client, who):
    found = scene()
    headers = headers_of(found, who, TokenScope.WRITE)

    answers = {
        name: client.generic(method, address.format(commit=found.commit), headers=headers)
        for name, (method, address) in DOORS.items()
    }
    answers["lfs"] = lfs(client, found, headers)

    if who in OPEN_TO:
        assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 200)
        assert body(answers["small file"]) == SECRET
        assert hashlib.sha256(body(answers["large file"])).hexdigest() == found.sha256
        return
    refused = 401 if who == "anonymous" else 403
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, refused)
    for name, answer in answers.items():
        assert answer["X-Error-Code"] == "GatedRepo", name
        assert SECRET not in answer.content
    message = answers["small file"]["X-Error-Message"]
    assert message.startswith("Access to model lab/gated is restricted")
    assert "/lab/gated to ask for access" in message
    if who != "anonymous":
        assert "and you are not in the authorized list" in message


@pytest.mark.parametrize("who", EVERYBODY)
def test_metadata_stays_visible(client, who):
    found = scene()
    headers = headers_of(found, who)

    info = client.get(f"{API}?expand=gated&expand=siblings", headers=headers).json()
    tree = client.get(f"{API}/tree/main", headers=headers).json()
    paths = client.post(f"{API}/paths-info/main", {"paths": ["secret.txt"]}, headers=headers).json()
    history = client.get(f"{API}/commits/main", headers=headers)

    assert info["gated"] == "manual"
    assert {one["path"] for one in tree} == {".gitattributes", "README.md", "secret.txt", "model.safetensors"}
    assert [one["size"] for one in paths] == [len(SECRET)]
    assert history.status_code == client.get(f"{API}/refs", headers=headers).status_code == 200


@pytest.mark.parametrize("who", EVERYBODY)
def test_pages_show_words_and_names_but_no_contents(client, who):
    found = scene()
    discussion, _result = discussions.propose(
        found.repository, [AddBytes("secret.txt", SECRET + b"!")], by=found.by("owner"), message="Change it"
    )
    if user := found.people.get(who):
        client.force_login(user)

    card = client.get("/lab/gated")
    pages = [
        f"/lab/gated/{page}"
        for page in (
            "blob/main/secret.txt",
            f"commit/{found.commit}",
            f"compare/{found.commit}..refs/pr/1",
            "discussions/1",
        )
    ]
    shown = {page: client.get(page) for page in pages}
    details = client.get(f"{API}/discussions/{discussion.number}?diff=1").json()

    assert "The card" in card.content.decode()
    assert {answer.status_code for answer in shown.values()} == {200}
    for page, answer in shown.items():
        assert (SECRET in answer.content) == (who in OPEN_TO), page
        assert ("#access" in answer.content.decode()) == (who in CLOSED_TO), page
    assert (SECRET.decode() in details.get("diff", "")) == (who in OPEN_TO)
    assert details["title"] == "Change it"


@pytest.mark.parametrize("who", EVERYBODY)
def test_nothing_is_copied_out_of_it(client, who):
    found = scene()
    user = found.people.get(who)
    digest, principal = [found.sha256], found.by(who)
    own = make.repository(user, "own") if user else None

    assert bool(readable_in(principal, "model", "lab/gated", [found.xet_hash])) == (who in OPEN_TO)
    if own is None:
        return
    assert bool(held_objects(principal, own, digest)) == (who in OPEN_TO)
    headers = headers_of(found, who, TokenScope.WRITE)
    sent = {"target": {"type": "model", "name": own.full_name}, "files": [{"sha256": found.sha256}]}
    asked = client.post(
        f"{API}/lfs-files/duplicate", json.dumps(sent), content_type="application/json", headers=headers
    )
    lines = [{"key": "header", "value": {"summary": "Mine"}}]
    lines.append({"key": "lfsFile", "value": {"path": "w", "oid": found.sha256, "size": len(WEIGHTS)}})
    text = "\n".join(map(json.dumps, lines))
    named = client.post(
        f"/api/models/{own.full_name}/commit/main", text, content_type="application/x-ndjson", headers=headers
    )
    copied = client.post(
        f"{API}/duplicate",
        json.dumps({"repository": f"{user.username}/copy"}),
        content_type="application/json",
        headers=headers,
    )

    expected = (200, 200, 200) if who in OPEN_TO else (403, 422, 403)
    assert (asked.status_code, named.status_code, copied.status_code) == expected


def test_a_xet_token_ends_with_the_access(client):
    found = scene()
    headers = headers_of(found, "accepted")
    issued = client.get(f"{API}/xet-read-token/main", headers=headers)
    who = {"Authorization": f"Bearer {issued['X-Xet-Access-Token']}"}
    address = f"/cas/v1/reconstructions/{found.xet_hash}"
    before = client.get(address, headers=who)

    row = AccessRequest.objects.get(user=found.people["accepted"])
    access.reject(row, by=found.by("owner"), reason="No longer")

    assert (before.status_code, client.get(address, headers=who).status_code) == (200, 401)


def test_a_token_for_a_pull_request_reads_nothing(client):
    found = scene()
    headers = headers_of(found, "stranger", TokenScope.WRITE)
    issued = client.get(f"{API}/xet-write-token/main?create_pr=1", headers=headers)
    who = {"Authorization": f"Bearer {issued['X-Xet-Access-Token']}"}

    answer = client.get(f"/cas/v2/reconstructions/{found.xet_hash}", headers=who)

    assert (issued.status_code, answer.status_code) == (200, 401)


@pytest.mark.parametrize("who", EVERYBODY)
def test_a_job_may_read_what_its_submitter_may(client, who):
    found = scene()
    user = found.people.get(who)
    if user is None:
        return
    headers = {"Authorization": f"Bearer {job_token(user)}"}

    answer = client.get("/lab/gated/resolve/main/secret.txt", headers=headers)

    # The rights of staff are never lent to a job.
    assert answer.status_code == (200 if who in OPEN_TO and who != "staff" else 403)


def test_privacy_comes_before_the_gate(client):
    found = scene()
    repositories.update_settings(found.repository, by=found.by("owner"), visibility="private")

    answer = client.get("/lab/gated/resolve/main/secret.txt", headers=headers_of(found, "accepted"))

    assert (answer.status_code, answer["X-Error-Code"]) == (404, "RepoNotFound")


@pytest.mark.parametrize("gated", ["open", "auto", "manual"])
@pytest.mark.parametrize("visibility", ["public", "private"])
def test_the_list_and_the_single_answer_agree(gated, visibility):
    found = scene()
    repository = repositories.update_settings(
        found.repository, by=found.by("owner"), gated=gated, visibility=visibility
    )
    for who in EVERYBODY:
        principal = found.by(who)
        listed = contents_open_to(principal).filter(pk=repository.pk).exists()
        sees = visibility == "public" or who in {"member", "writer", "owner", "staff"}
        assert listed == (sees and has_contents(principal, repository)), who
    assert not contents_open_to(ANONYMOUS).filter(pk=repository.pk).exists() or gated == "open"


def test_lists_can_be_filtered_by_the_gate(client):
    found = scene()
    make.repository(found.people["owner"], "open")

    def names(query):
        return {one["id"] for one in client.get(f"/api/models{query}").json()}

    assert names("?gated=true") == {"lab/gated"}
    assert names("?gated=False") == {"ada/open"}
    assert names("") == {"ada/open", "lab/gated"}
    assert client.get("/api/models?expand=gated&search=gated").json()[0]["gated"] == "manual"


def test_a_copy_stays_gated_and_lets_its_own_people_in(client):
    found = scene()
    copier = found.people["accepted"]

    copy = duplicates.duplicate(found.repository, copier.namespace, "copy", by=found.by("accepted"))

    assert copy.gated == "manual"
    assert has_contents(Principal(user=copier), copy)
    assert not has_contents(found.by("granted"), copy)
    assert not has_contents(Principal(user=UserFactory()), copy)


# What each address below a repository lets out. A new one belongs into one of the two: if bytes of
# files leave through it, it asks hub.selectors.require_contents or has_contents first, and a test
# above knocks at it.
CONTENTS = {
    "dataset_viewer.viewer", "dataset_viewer.sql_page",
    "resolve.resolve", "resolve.raw", "lfs.batch", "lfs_files.duplicate", "repositories.duplicate", "xet.token",
    "git_http.info_refs", "git_http.upload_pack", "misc.auth_check", "discussions.details",
    "files.blob", "files.commit", "files.compare", "editing.edit", "editing.move", "editing.delete",
    "discussions.discussion_page", "settings.repository_duplicate",
}  # fmt: skip
METADATA = {
    "listing.listing",
    "storage.storage_page", "downloads.downloads_page",
    "lfs_files.listing", "lfs_files.batch",
    "collections.collect", "social.followers", "social.following", "social.follow", "social.like", "social.likes",
    "social.likers",
    "publishers.publisher_list",
    "opt_outs.opt_out_list", "opt_outs.opt_out_create",
    "info.detail", "info.listing", "repositories.settings", "tree.tree", "tree.paths_info", "refs.all_refs",
    "refs.commits", "refs.branch", "refs.tag", "refs.squash", "commits.preupload", "commits.commit",
    "discussions.discussions", "discussions.act", "discussions.comment", "misc.elsewhere", "access.listing",
    "access.handle", "access.grant", "git_http.receive_pack", "repositories.repository_page", "files.tree",
    "files.commits", "lineage.lineage_page", "lineage.lineage", "lineage.credits_of_version", "disputes.credits_edit",
    "disputes.dispute_create", "disputes.dispute_moved", "discussions.discussion_list", "discussions.discussion_create",
    "discussions.discussion_act", "discussions.comment_hide", "settings.repository_settings", "access.ask",
    "editing.create", "editing.preview", "uploading.upload", "lfs.browser_batch", "citing.cite", "files.compare_form",
    "access.request_list", "access.request_page", "access.act",
}  # fmt: skip


def addresses_of_repositories():
    """`module.function` of each of the hub's views that gets the name of a repository."""
    for outer in get_resolver().url_patterns:
        if getattr(outer, "urlconf_name", None) is None:
            continue
        yield from _views(outer)


def _views(resolver):
    for pattern in resolver.url_patterns:
        if not isinstance(pattern, URLPattern):
            yield from _views(pattern)
            continue
        view, route = pattern.callback, str(pattern.pattern)
        if view.__module__.startswith("hub.") and ("kind>" in route or "<part:name>" in route):
            yield f"{view.__module__.rsplit('.', 1)[1]}.{view.__name__}"


def test_every_door_is_known():
    found = {name for name in addresses_of_repositories() if not name.startswith("buckets.")}
    assert found - CONTENTS - METADATA == set(), "Say what this address lets out: contents or metadata?"
    assert found >= CONTENTS
