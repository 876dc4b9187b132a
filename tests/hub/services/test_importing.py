"""Files brought from a second hub that really runs: what arrives, what is refused, what a crash leaves.

The relay lets no git through here; tests/hub/services/test_import_histories.py does.
"""

import hashlib
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.principal import Principal
from common.services import outbox
from hub import stores
from hub.models import Credit, Import, Repository, RepositoryObject
from hub.selectors.lineage import attribution_graph
from hub.selectors.revisions import read_text, revision_of
from hub.services import importing, imports, quotas, versions
from tests.factories import hub as make
from tests.hub.imports import CARD, WEIGHTS, bring, contents, due, put, stored
from tests.support.second_hub import relaying

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

STATEMENT = "Its author allows copies in the paper, section 4."


@pytest.fixture
def ada():
    return make.person("ada")


def tell():
    while outbox.relay():
        pass


def test_a_model_with_weights_arrives_whole_and_is_nobodys_here(relay, ada, source):
    name = source("tiny")

    found = bring(ada, f"{relay.url}/{name}/tree/main")

    assert (found.state, found.reason) == ("done", "")
    repository = found.repository
    files = contents(repository)
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    assert files["model.safetensors"].lfs_sha256 == digest
    assert stored(digest) == WEIGHTS
    assert read_text(revision_of(repository, "main"), "README.md") == CARD.decode()
    repository.refresh_from_db()
    assert (repository.full_name, repository.license, repository.visibility) == ("ada/tiny", "apache-2.0", "public")
    assert (found.bytes_done, found.files_done) == (found.bytes_total, found.files_total)
    assert RepositoryObject.objects.get(repository=repository).committed_at is not None

    version = versions.record_version(repository, repository.head, user=ada)

    edge = version.edges.get()
    assert (edge.parent_name, edge.parent_commit, edge.kind) == (found.source_url, found.source_commit, "copy")
    assert not edge.is_paid
    assert Credit.objects.count() == 0
    graph = attribution_graph(repository)
    assert [asset.contributors for asset in graph.assets.values()] == [()]


def test_what_is_added_here_credits_who_made_it(relay, ada, source):
    found = bring(ada, source("base"))
    repository = found.repository
    repository.refresh_from_db()
    versions.record_version(repository, repository.head, user=ada)
    make.put_large(repository, {"adapter.safetensors": b"own work"}, by=Principal(user=ada))
    repository.refresh_from_db()

    version = versions.record_version(repository, repository.head, user=ada)

    assert [credit.user for credit in version.credits.all()] == [ada]
    assert version.edges.get(kind="copy").parent_commit == found.source_commit


def test_weights_that_came_there_by_lfs(relay, ada, source, second_hub, tmp_path):
    name = source("by-lfs", weights=None)
    code = "import sys; from huggingface_hub import upload_file as up; up(path_or_fileobj=sys.argv[1], "
    code += "path_in_repo='w.bin', repo_id=sys.argv[2])"
    (tmp_path / "w.bin").write_bytes(WEIGHTS[::-1])
    environment = os.environ | {
        "HF_ENDPOINT": second_hub.url,
        "HF_TOKEN": second_hub.tokens["grace"],
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(tmp_path),
    }
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "w.bin"), name], env=environment, check=True)

    found = bring(ada, name)

    assert found.state == "done"
    assert stored(contents(found.repository)["w.bin"].lfs_sha256) == WEIGHTS[::-1]


def test_a_data_set(relay, ada, source):
    name = source("rows", kind="dataset", weights=None, files={"data/a b.csv": b"x\n1\n"})

    found = bring(ada, f"datasets/{name}", "copied-rows")

    assert found.state == "done"
    assert str(found.repository) == "dataset:ada/copied-rows"
    assert "data/a b.csv" in contents(found.repository)


def test_a_private_source_needs_a_token_and_its_copy_stays_private(relay, ada, source, second_hub):
    name = source("secret", private=True)
    without = bring(ada, name)
    assert (without.state, without.reason) == ("failed", "source-closed")
    assert Repository.objects.count() == 0

    found = bring(ada, name, token=second_hub.tokens["grace"], visibility="public")

    assert found.state == "done"
    assert found.repository.is_private
    assert second_hub.tokens["grace"] not in found.sealed_token
    with pytest.raises(Exception, match="stays private"):
        from hub.services import repositories

        repositories.update_settings(found.repository, by=Principal(user=ada), visibility="public")


def test_a_gated_source_is_copied_with_a_token_that_it_lets_in(relay, ada, source, second_hub):
    name = source("gated")
    second_hub.api().update_repo_settings(name, gated="manual")

    without = bring(ada, name)
    stranger = bring(ada, name, token=second_hub.tokens["hal"])
    owner = bring(ada, name, token=second_hub.tokens["grace"])

    assert (without.state, without.reason) == ("failed", "token-needed")
    assert (stranger.state, stranger.reason) == ("failed", "source-closed")
    assert (owner.state, owner.repository.is_private) == ("done", True)


@pytest.mark.parametrize("card", [b"---\ntags: [tiny]\n---\n", b"---\nlicense: other\n---\n"])
def test_an_unclear_licence_waits_for_a_statement_that_is_kept(relay, ada, source, card):
    name = source(f"unclear-{len(card)}-{card[4:5].hex()}", card=card, weights=None)
    found = bring(ada, name)
    assert (found.state, found.reason) == ("paused", "licence-unclear")
    assert Repository.objects.count() == 0
    assert relay.sent("/resolve/") == 0
    by = Principal(user=ada)
    with pytest.raises(Exception, match="sentence"):
        imports.confirm(found, "yes", by=by)

    imports.confirm(found, STATEMENT, by=by)
    importing.run(found.pk)

    found.refresh_from_db()
    assert (found.state, found.statement) == ("done", STATEMENT)


def test_a_licence_that_forbids_copies_is_the_end(relay, ada, source):
    card = b"---\nlicense: other\nlicense_name: all-rights-reserved\n---\n"
    found = bring(ada, source("closed", card=card, weights=None), statement=STATEMENT)

    assert (found.state, found.reason) == ("failed", "licence-forbids")
    assert relay.sent("/resolve/") == 0


def test_a_mirror_follows_its_source(relay, ada, source, second_hub):
    name = source("followed", files={"old.txt": b"gone soon"})
    found = bring(ada, name, schedule="daily")
    before, bytes_before = found.local_commit, relay.sent("/resolve/")
    assert found.next_run_at > timezone.now() + timedelta(hours=23)
    assert importing.due() == []

    due(found)
    importing.run(found.pk)
    found.refresh_from_db()
    assert (found.state, found.local_commit) == ("done", before)

    put(second_hub, name, {"new.txt": b"hello"}, deleted=["old.txt"])
    due(found)
    assert importing.due() == [found.pk]
    importing.run(found.pk)

    found.refresh_from_db()
    files = contents(found.repository)
    assert "new.txt" in files
    assert "old.txt" not in files
    assert found.local_commit != before
    assert relay.sent("/resolve/") == bytes_before + len(b"hello")


def test_a_mirror_stops_at_commits_of_others_until_its_person_says_go_on(relay, ada, source, second_hub):
    name = source("shared", weights=None)
    found = bring(ada, name, schedule="weekly")
    make.put(found.repository, {"own.txt": b"mine", "config.json": b"{}"}, by=Principal(user=ada))
    put(second_hub, name, {"config.json": b'{"a": 2}'})
    due(found)
    importing.run(found.pk)
    found.refresh_from_db()
    assert (found.state, found.reason) == ("paused", "diverged")

    imports.run_now(Import.objects.get(pk=found.pk), by=Principal(user=ada))
    importing.run(found.pk)

    found.refresh_from_db()
    revision = revision_of(found.repository, "main")
    assert found.state == "done"
    assert read_text(revision, "own.txt") == "mine"
    assert read_text(revision, "config.json") == '{"a": 2}'


def test_a_source_that_went_away_is_tried_again_and_then_given_up(relay, ada, source, second_hub):
    name = source("leaving", weights=None)
    found = bring(ada, name, schedule="daily")
    second_hub.api().delete_repo(name)
    states = []
    for _try in range(len(importing.PAUSES) + 1):
        due(found)
        importing.run(found.pk)
        found.refresh_from_db()
        states.append(found.state)

    assert states == ["queued"] * len(importing.PAUSES) + ["failed"]
    assert found.reason == "source-closed"
    assert "README.md" in contents(found.repository)


def test_who_pauses_or_cancels_stops_the_worker_and_may_go_on(relay, ada, source):
    name = source("paused")
    made = imports.create(name, ada.namespace, by=Principal(user=ada))
    by = Principal(user=ada)

    def change(path, body):
        if "model.safetensors" in path and Import.objects.get(pk=made.pk).state == "copying":
            imports.pause(made, by=by)
        return body

    relay.change = change
    importing.run(made.pk)
    made.refresh_from_db()
    assert made.state == "paused"
    relay.change = None
    imports.run_now(made, by=by)
    importing.run(made.pk)
    made.refresh_from_db()
    assert made.state == "done"


def test_a_source_that_lies_about_its_bytes_is_refused(relay, ada, source):
    name = source("lying")
    relay.change = lambda path, body: bytes(len(body)) if "model.safetensors" in path else body
    large = bring(ada, name)
    relay.change = lambda path, body: b"{}" if "config.json" in path else body
    small = bring(ada, name, "other-name")

    assert (large.state, large.reason) == ("failed", "source-wrong")
    assert (small.state, small.reason) == ("failed", "source-wrong")
    assert not stores.plain_objects().exists(hashlib.sha256(bytes(len(WEIGHTS))).hexdigest())


@pytest.mark.parametrize(
    "place", ["http://10.0.0.1/x", "http://169.254.169.254/latest", "http://[fd00::1]/", "file:///etc/passwd"]
)
def test_redirects_into_a_private_network_are_refused(relay, ada, source, place):
    name = source(f"led-{abs(hash(place))}", weights=None)
    relay.redirect = lambda path: place if "/api/" in path else None

    found = bring(ada, name)

    assert (found.state, found.reason) == ("failed", "address")


def test_the_token_goes_to_the_source_and_nowhere_else(relay, ada, source, second_hub):
    name = source("moved", weights=None)
    relay.redirect = lambda path: other.url + path if "/resolve/" in path else None
    with relaying(second_hub.url) as other:
        bring(ada, name, token=second_hub.tokens["grace"])
        elsewhere = {one.token for one in other.asked}

    assert {bool(one.token) for one in relay.asked} == {True}
    assert elsewhere == {""}


def test_loopback_is_refused_by_its_name_too(relay, ada, source, settings):
    name = source("inside", weights=None)
    made = imports.create(name, ada.namespace, by=Principal(user=ada))
    endpoint = relay.url.replace("127.0.0.1", "localhost")
    Import.objects.filter(pk=made.pk).update(endpoint=endpoint)
    settings.IMPORT_SOURCES = [endpoint]
    settings.IMPORTS_FROM_LOOPBACK = False

    importing.run(made.pk)

    made.refresh_from_db()
    assert (made.state, made.reason) == ("failed", "address")
    assert relay.asked == []


def test_too_little_room_is_said_before_a_byte_comes(relay, ada, source):
    name = source("too-big")
    staff = make.person("boss", is_staff=True)
    quotas.set_limits(ada.namespace, by=staff, reason="a test", public_bytes=1_000_000)

    found = bring(ada, name)

    assert (found.state, found.reason) == ("failed", "storage")
    assert relay.sent("/resolve/") == 0
    assert Repository.objects.count() == 0


def test_what_the_copy_holds_already_is_not_fetched_again(relay, ada, source, second_hub):
    name = source("renamed")
    found = bring(ada, name, schedule="daily")
    before = relay.sent("/resolve/")
    put(second_hub, name, {"model-2.safetensors": WEIGHTS}, deleted=["model.safetensors"])
    due(found)

    importing.run(found.pk)

    found.refresh_from_db()
    assert found.state == "done"
    assert relay.sent("/resolve/") == before
    assert set(contents(found.repository)) >= {"model-2.safetensors"}


def test_a_commit_whose_row_was_lost_is_known_again(relay, ada, source):
    found = bring(ada, source("crashed", weights=None), schedule="daily")
    first = found.local_commit
    parent = revision_of(found.repository, f"{first}").commit
    Import.objects.filter(pk=found.pk).update(local_commit="0" * 40, source_commit="")
    due(found)

    importing.run(found.pk)

    found.refresh_from_db()
    assert (found.state, found.local_commit) == ("done", parent)
