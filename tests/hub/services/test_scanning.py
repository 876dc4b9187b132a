"""Inspections of what is committed."""

import hashlib
import io
import pickle

import pytest
from django.core.management import call_command

from common.models import OutboxEvent
from common.services import outbox
from hub import stores
from hub.algorithms import scanning as rules
from hub.models import LargeObject, ScanResult
from hub.selectors.revisions import entries_at, revision_of
from hub.selectors.scanning import file_status, repository_status, results_of, words_of
from hub.services import commits, objects, scanning
from hub.storage.xet.ingest import ingest
from tests.factories import hub as make
from tests.hub.algorithms.test_pickles import Calls

pytestmark = pytest.mark.django_db

EVIL = pickle.dumps(Calls(eval, "1"))
GOOD = pickle.dumps({"a": [1.0] * 10})


def status_of(repository, path):
    at = revision_of(repository, "main")
    result = results_of(entries_at(at, recursive=True)).get(path)
    return result.status if result else "unscanned"


def put_large(repository, path, data, *, by, xet=False):
    sha256 = hashlib.sha256(data).hexdigest()
    if xet:
        objects.hold_xet(repository, [ingest(stores.xet_store(), io.BytesIO(data))], by=by)
    else:
        objects.receive(repository, sha256, len(data), io.BytesIO(data), by=by)
    return commits.commit(repository, [commits.AddPointer(path, sha256, len(data))], by=by, message="Add").oid


def test_new_files_are_inspected_once(monkeypatch):
    ada = make.person("ada")
    files = {"good.pkl": GOOD, "evil.pkl": EVIL, "README.md": b"# Hi", "again.pkl": EVIL}
    repository = make.repository(ada, "tiny", files=files)
    assert status_of(repository, "evil.pkl") == "unscanned"

    assert scanning.scan_ref(repository, "refs/heads/main") == 4
    assert scanning.scan_ref(repository, "refs/heads/main") == 0

    assert [status_of(repository, path) for path in files] == ["safe", "unsafe", "safe", "unsafe"]
    row = ScanResult.objects.get(status="unsafe")
    assert row.rules == rules.RULES
    assert row.reasons == [["imports", "builtins.eval"]]
    assert file_status(row)["pickleImportScan"]["highestSafetyLevel"] == "dangerous"
    assert "builtins.eval" in words_of(row)[0]
    make.put(repository, {"other.pkl": EVIL, "new.txt": b"x"}, by=make.as_principal(ada))
    assert scanning.scan_ref(repository, "refs/heads/main") == 1
    # Equal bytes under another ending are another question, whatever the case and script of the ending.
    make.put(repository, {"again.PKL": EVIL, "evil.bin": EVIL, "x.ÄÖ": b"x", "none": b"x"}, by=make.as_principal(ada))
    assert scanning.scan_ref(repository, "refs/heads/main") == 3
    assert scanning.scan_ref(repository, "refs/heads/main") == 0


@pytest.mark.parametrize("xet", [False, True])
def test_large_files_are_read_wherever_they_lie(xet):
    ada = make.person("ada")
    repository = make.repository(ada, "tiny")
    padding = pickle.dumps([b"x" * 3_000_000])
    put_large(repository, "evil.bin", padding + EVIL, by=make.as_principal(ada), xet=xet)
    put_large(repository, "good.bin", padding, by=make.as_principal(ada), xet=xet)
    assert LargeObject.objects.filter(is_plain=not xet).count() == 2

    scanning.scan_ref(repository, "refs/heads/main")

    assert status_of(repository, "evil.bin") == "unsafe"
    assert status_of(repository, "good.bin") == "safe"


def test_content_that_is_not_here_stays_unscanned():
    ada = make.person("ada")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 5\n".encode()
    repository = make.repository(ada, "tiny", files={"lost.bin": pointer})
    scanning.scan_ref(repository, "refs/heads/main")
    assert status_of(repository, "lost.bin") == "unscanned"
    assert repository_status(revision_of(repository, "main"))["scansDone"] is False


def test_a_fault_of_the_inspection_is_no_clean_bill(monkeypatch):
    repository = make.repository(files={"x.pkl": GOOD})
    monkeypatch.setattr(rules, "look", lambda *_args, **_more: 1 / 0)
    scanning.scan_ref(repository, "refs/heads/main")
    assert status_of(repository, "x.pkl") == "error"


def test_other_rules_look_again(monkeypatch):
    repository = make.repository(make.person("ada"), "tiny", files={"x.pkl": EVIL})
    call_command("hub_scan", "ada/tiny", stdout=(said := io.StringIO()))
    assert "2 files inspected" in said.getvalue()
    ScanResult.objects.update(status="safe")
    call_command("hub_scan", stdout=io.StringIO())
    assert status_of(repository, "x.pkl") == "safe"
    call_command("hub_scan", "--rescan", stdout=io.StringIO())
    assert status_of(repository, "x.pkl") == "unsafe"

    monkeypatch.setattr("hub.selectors.scanning.RULES", rules.RULES + 1)
    monkeypatch.setattr(rules, "RULES", rules.RULES + 1)
    assert status_of(repository, "x.pkl") == "unscanned"
    scanning.scan_waiting(limit=10)
    assert status_of(repository, "x.pkl") == "unsafe"
    assert scanning.forget_old_rules() == 2


def test_each_commit_asks_for_an_inspection_once(monkeypatch, django_capture_on_commit_callbacks):
    asked = []
    monkeypatch.setattr("hub.tasks.scan.delay", lambda *arguments: asked.append(arguments))
    repository = make.repository(files={"x.pkl": EVIL})
    with django_capture_on_commit_callbacks(execute=True):
        outbox.relay()
    assert asked[-1] == (repository.pk, "refs/heads/main")
    count = len(asked)
    OutboxEvent.objects.update(relayed_at=None)
    with django_capture_on_commit_callbacks(execute=True):
        outbox.relay()
    assert len(asked) == count


def test_the_worst_comes_first():
    files = {"a.svg": b"<svg onload='x()'/>", "b.pkl": EVIL, "c.pkl": b"", "d.7z": b"7z\xbc\xaf\x27\x1c"}
    repository = make.repository(files=files)
    scanning.scan_ref(repository, "refs/heads/main")
    found = repository_status(revision_of(repository, "main"))
    assert found["scansDone"] is True
    assert [(one["path"], one["level"]) for one in found["filesWithIssues"]] == [
        ("b.pkl", "unsafe"), ("c.pkl", "error"), ("a.svg", "suspicious"),
    ]  # fmt: skip
