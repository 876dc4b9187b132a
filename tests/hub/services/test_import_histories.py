"""Whole histories brought from a second hub that really runs, by git and LFS over HTTP."""

import hashlib
import json
import os
import random
import subprocess

import pytest
from django.db import connection

from accounts.principal import Principal
from common.services import outbox
from hub.git import incoming, reading
from hub.git.repositories import open_repository
from hub.models import Credit, Import, Repository, RepositoryObject, Version
from hub.selectors.revisions import read_text, revision_of
from hub.services import checking, importing, imports, quotas, refs, versions
from hub.services.import_histories import stage_of
from tests.factories import hub as make
from tests.hub.imports import CARD, again, bring, contents, due, put, stored
from tests.support.second_hub import FILES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

OLD, NEW = random.Random(3).randbytes(2_500_000), random.Random(4).randbytes(1_400_000)
SIDE = random.Random(5).randbytes(30_000)


@pytest.fixture
def relay(relay):
    relay.speaks_git = True
    return relay


@pytest.fixture
def ada():
    return make.person("ada")


class Clone:
    """A working copy of a repository there, for git itself."""

    def __init__(self, hub, name, folder):
        self.hub, self.name, self.folder = hub, name, folder
        address = hub.url.replace("http://", f"http://grace:{hub.tokens['grace']}@")
        subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
        self.git("remote", "add", "origin", f"{address}/{name}")
        self.git("fetch", "-q", "origin")
        self.git("checkout", "-q", "main")

    def git(self, *arguments):
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
            "HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1", "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "a@localhost",
            "GIT_COMMITTER_NAME": "Grace", "GIT_COMMITTER_EMAIL": "g@localhost",
        }  # fmt: skip
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, path, text):
        (self.folder / path).write_text(text)
        self.git("add", path)
        self.git("commit", "-q", "-m", f"Change {path}")
        return self.git("rev-parse", "HEAD")

    def push(self, *what):
        self.git("push", "-q", "origin", *what)

    def refs(self):
        listed = self.git("ls-remote", "origin", "refs/heads/*", "refs/tags/*")
        return {ref: oid for oid, ref in map(str.split, listed.splitlines()) if not ref.endswith("^{}")}


@pytest.fixture
def built(second_hub, source, tmp_path):
    """Builds a repository there with branches, tags, a merge, and large files in old and new commits."""

    def build(name):
        full_name = source(name, weights=None, files={"model.safetensors": OLD})
        put(second_hub, full_name, {"model.safetensors": NEW})
        clone = Clone(second_hub, full_name, tmp_path / name)
        clone.git("tag", "v1", "HEAD~1")
        clone.git("checkout", "-q", "-b", "dev/side")
        clone.commit("side.txt", "side")
        clone.git("checkout", "-q", "main")
        clone.commit("main.txt", "main")
        clone.git("merge", "-q", "--no-ff", "-m", "Merge the side", "dev/side")
        clone.git("tag", "-a", "v2", "-m", "Second")
        clone.push("main", "dev/side", "v1", "v2")
        put(second_hub, full_name, {"side.safetensors": SIDE}, revision="dev/side")
        second_hub.api().create_discussion(full_name, title="A proposal", pull_request=True)
        clone.git("fetch", "-q", "origin")
        return full_name, clone

    return build


def refs_of(repository):
    return incoming.targets(open_repository(repository.path))


def changes(found):
    last = found.runs.exclude(ended_at=None).order_by("-pk").first()
    return {one["ref"].removeprefix("refs/"): one["how"] for one in last.changes}


def sound(repository):
    return list(checking.check_repository(repository))


def test_everything_arrives_by_the_same_names(relay, ada, built):
    name, clone = built("whole")

    found = bring(ada, name)

    assert (found.state, found.reason, found.detail) == ("done", "", "")
    repository = found.repository
    assert refs_of(repository) == clone.refs() == found.refs
    assert set(refs_of(repository)) == {"refs/heads/main", "refs/heads/dev/side", "refs/tags/v1", "refs/tags/v2"}
    log = reading.log(open_repository(repository.path), found.local_commit)
    assert [len(commit.parents) for commit in log][:1] == [2]
    assert {commit.oid for commit in log} == set(clone.git("log", "--format=%H", "origin/main").split())
    for data in (OLD, NEW, SIDE):
        assert stored(hashlib.sha256(data).hexdigest()) == data
    assert not RepositoryObject.objects.filter(repository=repository, committed_at=None).exists()
    assert "side.safetensors" in contents(repository, "dev/side")
    assert contents(repository, "v1")["model.safetensors"].lfs_sha256 == hashlib.sha256(OLD).hexdigest()
    repository.refresh_from_db()
    assert (repository.license, repository.head, repository.visibility) == ("apache-2.0", found.source_commit, "public")
    assert changes(found) == dict.fromkeys(["heads/dev/side", "heads/main", "tags/v1", "tags/v2"], "new")
    notes = found.runs.get().notes
    assert [(note["code"], note["detail"]) for note in notes] == [("left-out", "refs/pr/… (1)")]
    assert sound(repository) == []
    assert not stage_of(found).exists()
    assert not repository.commits.exclude(author=None).exists()


def test_nothing_of_it_is_anybodys_work_here_and_what_is_added_is(relay, ada, built):
    found = bring(ada, built("credited")[0], schedule="daily")
    while outbox.relay():
        pass
    version = Version.objects.get()
    assert (version.commit, Credit.objects.count()) == (found.source_commit, 0)
    assert [(edge.kind, edge.parent_commit) for edge in version.edges.all()] == [("copy", found.source_commit)]
    repository = Repository.objects.get()
    make.put_large(repository, {"own.safetensors": b"own work"}, by=Principal(user=ada))
    repository.refresh_from_db()

    added = versions.record_version(repository, repository.head, user=ada)

    assert [credit.user for credit in added.credits.all()] == [ada]


def test_a_mirror_brings_only_what_is_new_and_follows_what_was_rewritten(relay, ada, built, second_hub):
    name, clone = built("moving")
    found = bring(ada, name, schedule="daily")
    files, packs = relay.sent(*FILES), relay.sent("git-upload-pack")
    assert again(found).runs.count() == 1
    assert relay.sent(*FILES) == files

    clone.git("merge", "-q", "--ff-only", "origin/main")
    clone.commit("main.txt", "second")
    clone.git("checkout", "-q", "-B", "dev/side", "v1")
    clone.commit("side.txt", "rewritten")
    clone.git("tag", "-f", "v1", "HEAD")
    clone.push("main", "+dev/side", "+v1", ":refs/tags/v2", "HEAD:refs/heads/next")
    before = relay.sent("git-upload-pack")
    again(found)

    assert found.state == "done", found.detail
    assert refs_of(found.repository) == clone.refs() == found.refs
    assert changes(found) == {
        "heads/dev/side": "forced", "heads/main": "forward", "heads/next": "new",
        "tags/v1": "forward", "tags/v2": "gone",
    }  # fmt: skip
    assert relay.sent(*FILES) == files
    assert relay.sent("git-upload-pack") - before < packs
    # What only the rewritten branch named is let go.
    assert not RepositoryObject.objects.filter(object_id=hashlib.sha256(SIDE).hexdigest()).exists()
    assert sound(found.repository) == []
    assert {"before", "after"} <= found.runs.latest("pk").changes[0].keys()


def test_a_branch_that_changed_on_both_sides_stops_and_going_on_keeps_both(relay, ada, built):
    name, clone = built("both")
    found = bring(ada, name, schedule="weekly")
    repository, by = found.repository, Principal(user=ada)
    make.put(repository, {"own.txt": b"mine"}, by=by)
    refs.create_branch(repository, "mine", by=by)
    own = revision_of(repository, "main").commit
    assert again(found).state == "done"  # nothing new there, so nothing is in its way

    clone.git("merge", "-q", "--ff-only", "origin/main")
    theirs = clone.commit("main.txt", "theirs")
    clone.push("main")
    again(found)
    assert (found.state, found.reason, found.diverged) == ("paused", "diverged", ["refs/heads/main"])
    assert revision_of(repository, "main").commit == own

    imports.run_now(Import.objects.get(pk=found.pk), by=by)
    importing.run(found.pk)

    found.refresh_from_db()
    assert found.state == "done"
    assert revision_of(repository, "main").commit == theirs
    assert read_text(revision_of(repository, f"kept/main-{own[:10]}"), "own.txt") == "mine"
    assert revision_of(repository, "mine").commit == own
    assert sound(repository) == []


def test_a_private_source_by_git_and_its_token_is_told_to_it_alone(relay, ada, source, second_hub):
    name = source("hidden", private=True)
    without = bring(ada, name)
    found = bring(ada, name, token=second_hub.tokens["grace"])

    assert (without.state, without.reason) == ("failed", "source-closed")
    assert (found.state, found.has_history, found.repository.is_private) == ("done", True, True)
    assert {one.token for one in relay.asked if "/api/storage/" in one.path} == {""}
    assert Repository.objects.count() == 1


def test_a_named_revision_brings_its_files_only(relay, ada, built):
    name, _clone = built("one")

    found = bring(ada, f"{relay.url}/{name}/tree/v1")

    assert (found.state, found.has_history) == ("done", False)
    assert set(refs_of(found.repository)) == {"refs/heads/main"}
    assert relay.sent("git-upload-pack") == 0


def test_a_source_without_git_says_so_and_stays_as_it_began(relay, ada, source):
    name = source("plain", weights=None)
    relay.speaks_git = False
    found = bring(ada, name, schedule="daily")
    relay.speaks_git = True
    again(found)

    assert (found.state, found.has_history) == ("done", False)
    assert [note["code"] for note in found.runs.get().notes] == ["no-git"]


def test_credentials_in_its_history_are_noted_in_private_and_refused_in_public(
    relay, ada, source, second_hub, tmp_path
):
    name = source("leaky", weights=None, private=True)
    clone = Clone(second_hub, name, tmp_path / "leaky")
    clone.commit("key.txt", "aws_access_key_id = AKIAZ7QW3ERT5YUI2OPA\n")
    clone.git("rm", "-q", "key.txt")
    clone.git("commit", "-q", "-m", "Take it out")
    clone.push("main")
    private = bring(ada, name, token=second_hub.tokens["grace"])
    second_hub.api().update_repo_settings(name, private=False)
    public = bring(ada, name, "again")

    assert private.state == "done"
    assert [note["code"] for note in private.runs.get().notes] == ["secrets"]
    assert (public.state, public.reason) == ("failed", "refused")
    assert "AWS access key" in public.detail
    assert Repository.objects.get() == private.repository


def test_a_pack_that_is_broken_is_refused(relay, ada, built):
    name, _clone = built("broken")

    def change(path, body):
        return body[:-200] + bytes(100) + body[-100:] if path.endswith("git-upload-pack") and b"PACK" in body else body

    relay.change = change
    found = bring(ada, name)

    assert (found.state, found.reason) in {("failed", "source-wrong"), ("queued", "source-silent")}
    assert Repository.objects.count() == 0


def test_a_large_file_that_lies_is_refused(relay, ada, built):
    name, _clone = built("lying-lfs")
    relay.change = lambda path, body: bytes(len(body)) if FILES[1] in path else body

    found = bring(ada, name)

    assert (found.state, found.reason) == ("failed", "source-wrong")
    assert set(refs_of(found.repository)) == {"refs/heads/main"}
    assert set(contents(found.repository)) == {".gitattributes"}


def test_too_little_room_is_said_before_a_large_file_comes(relay, ada, built):
    staff = make.person("boss", is_staff=True)
    quotas.set_limits(ada.namespace, by=staff, reason="a test", public_bytes=1_000_000)

    found = bring(ada, built("too-large")[0])

    assert (found.state, found.reason) == ("failed", "storage")
    assert relay.sent(*FILES) == 0
    assert Repository.objects.count() == 0


def test_objects_that_only_old_commits_name_may_be_gone(relay, ada, built, second_hub):
    name, _clone = built("forgotten")
    gone = hashlib.sha256(OLD).hexdigest()

    def change(path, body):
        if not path.endswith("/batch"):
            return body
        answer = json.loads(body)
        for one in answer["objects"]:
            if one["oid"] == gone:
                one.pop("actions", None)
                one["error"] = {"code": 404, "message": "gone"}
        return json.dumps(answer).encode()

    relay.change = change
    found = bring(ada, name)

    assert found.state == "done"
    note = next(note for note in found.runs.get().notes if note["code"] == "missing")
    assert gone[:12] in note["detail"]
    assert not RepositoryObject.objects.filter(object_id=gone).exists()


def test_a_copy_can_be_looked_at_while_it_is_filled(relay, ada, built, client):
    name, _clone = built("filling")
    seen = []

    def change(path, body):
        if FILES[1] in path and not seen:
            client.force_login(ada)
            seen.extend(client.get(f"/ada/filling{tab}").status_code for tab in ("", "/tree/main", "/commits/main"))
            seen.append(client.get("/api/models/ada/filling").status_code)
            connection.close()  # that of this thread
        return body

    relay.change = change
    assert bring(ada, name).state == "done"
    assert seen == [200] * 4


def test_a_worker_that_died_after_the_refs_moved_is_taken_up(relay, ada, built):
    """The row is as it was before; git is ahead of it."""
    name, clone = built("torn")
    found = bring(ada, name, schedule="daily")
    clone.git("merge", "-q", "--ff-only", "origin/main")
    clone.commit("main.txt", "next")
    clone.push("main")
    before = {"refs": found.refs, "source_commit": found.source_commit, "local_commit": found.local_commit}
    again(found)
    last = found.runs.latest("pk")
    Import.objects.filter(pk=found.pk).update(**before)
    found.runs.filter(pk=last.pk).update(ended_at=None)
    found.repository.branches.filter(ref="refs/heads/main").update(head=before["local_commit"])

    again(found)

    assert found.state == "done"
    assert found.refs == clone.refs()
    assert changes(found) == {"heads/main": "forward"}
    assert found.runs.count() == 2
    assert sound(found.repository) == []
    due(found)
    assert importing.due() == [found.pk]
    assert CARD.decode() == read_text(revision_of(found.repository, "main"), "README.md")
