"""Uploading in the browser: without JavaScript, and in a real Chromium."""

import hashlib
import json
import os
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from playwright.sync_api import expect

from hub import stores
from hub.api.links import UploadKey
from hub.models import Discussion, LargeObject
from hub.selectors.revisions import entries_named, read_bytes, revision_of
from tests.factories import hub as make
from tests.factories.accounts import UserFactory
from tests.support.browser import WIDTHS, Visitor, chromium

PASSWORD = "a long enough password"


@pytest.mark.django_db
def test_a_form_without_scripts_uploads_small_and_large_files(client):
    ada = UserFactory(username="ada")
    repository = make.repository(ada, "shapes")
    client.force_login(ada)
    files = [
        SimpleUploadedFile("notes.txt", b"words"),
        SimpleUploadedFile("w.safetensors", b"weights"),
        SimpleUploadedFile("odd", b"\x00\x01"),
    ]

    answer = client.post("/ada/shapes/upload/main", {"files": files, "folder": "a/b/", "act": "commit"})

    assert answer.url == "/ada/shapes/tree/main/a/b"
    at = revision_of(repository, "main")
    found = {file.name: file for file in entries_named(at, ["a/b/notes.txt", "a/b/w.safetensors", "a/b/odd"])}
    assert read_bytes(at, "a/b/notes.txt", limit=100) == b"words"
    assert found["w.safetensors"].lfs_sha256 == hashlib.sha256(b"weights").hexdigest()
    assert found["odd"].lfs_sha256 == hashlib.sha256(b"\x00\x01").hexdigest()


@pytest.mark.django_db
def test_what_strangers_upload_is_a_pull_request(client):
    repository = make.repository(UserFactory(username="ada"), "shapes")
    before = revision_of(repository, "main").commit
    client.force_login(UserFactory(username="bob"))

    client.post("/ada/shapes/upload/main", {"files": [SimpleUploadedFile("w.bin", b"w")], "act": "commit"})

    assert revision_of(repository, "main").commit == before
    assert Discussion.objects.get().is_pull_request
    assert entries_named(revision_of(repository, "refs/pr/1"), ["w.bin"])


BATCHES = {"anonymous": 401, "stranger": 403, "owner": 200}


@pytest.mark.django_db
@pytest.mark.parametrize("who", BATCHES)
def test_the_door_of_the_page_is_for_those_who_may_write(client, who):
    ada = UserFactory(username="ada")
    make.repository(ada, "shapes")
    if who != "anonymous":
        client.force_login(ada if who == "owner" else UserFactory())
    sent = {"ref": "main", "transfers": ["multipart"], "objects": [{"oid": "a" * 64, "size": 5}]}
    answer = client.post("/api/models/ada/shapes/uploads", json.dumps(sent), content_type="application/json")
    assert answer.status_code == BATCHES[who]


@pytest.mark.django_db
def test_the_door_of_the_page_wants_a_csrf_token():
    from django.test import Client

    ada = UserFactory(username="ada")
    make.repository(ada, "shapes")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    answer = strict.post("/api/models/ada/shapes/uploads", "{}", content_type="application/json")
    assert answer.status_code == 403


def drop(page, files):
    """Files as a person would drop them: by path, some in folders."""
    page.set_input_files("input[type=file]", [{"name": name, "mimeType": "", "buffer": data} for name, data in files])


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_a_large_file_and_a_small_one_in_a_folder(site):
    ada = UserFactory(username="ada")
    repository = make.repository(ada, "shapes")
    data = os.urandom(12_000_000)
    digest = hashlib.sha256(data).hexdigest()
    key = str(UploadKey(repository.pk, ada.pk, digest, len(data)))
    uploads, length = stores.partial_uploads(), 1024 * 1024
    later_parts = re.compile(r"/api/storage/uploads/[^/]+/[5-9]\?")
    with chromium() as browser:
        visitor = Visitor(browser, site.url)
        visitor.log_in("ada", PASSWORD)
        page = visitor.open("/ada/shapes/upload/main")
        sent = []
        page.on("request", lambda request: request.method == "PUT" and sent.append(request.url))
        # The connection breaks after four parts, and stays away.
        page.route(later_parts, lambda route: route.abort())
        drop(page, [("model.safetensors", data), ("notes.txt", b"words\n")])
        page.fill("[name=folder]", "weights")
        page.click("button[value=commit]")
        page.locator("[data-summary]", has_text="Check the connection").wait_for(timeout=60_000)
        assert [part.number for part in uploads.parts(key)] == [1, 2, 3, 4]
        assert uploads.find(key).part_size == length
        visitor.complaints.clear()  # the broken requests

        page.unroute(later_parts)
        page = visitor.open("/ada/shapes/upload/main/weights")
        sent.clear()
        drop(page, [("model.safetensors", data), ("notes.txt", b"words\n")])
        visitor.check_looks("upload")
        page.click("button[value=commit]")
        page.wait_for_url("**/ada/shapes/tree/main/weights")

        assert len(sent) == 8  # the other parts of twelve
        visitor.close()
    at = revision_of(repository, "main")
    found = entries_named(at, ["weights/model.safetensors"])
    assert [(file.lfs_sha256, file.size) for file in found] == [(digest, len(data))]
    assert LargeObject.objects.get(pk=digest).is_plain
    assert read_bytes(at, "weights/notes.txt", limit=100) == b"words\n"


DROP = """async (zone) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File(["dropped"], "dropped.txt"));
  zone.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


PASTE = """async (field) => {
  const canvas = new OffscreenCanvas(30, 20);
  canvas.getContext("2d").fillRect(0, 0, 30, 20);
  const transfer = new DataTransfer();
  transfer.items.add(new File([await canvas.convertToBlob()], "pasted one.png", { type: "image/png" }));
  field.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.parametrize("width", WIDTHS)
def test_editing_dropping_and_reading_changes_in_a_browser(site, width):
    ada = UserFactory(username="ada")
    repository = make.repository(
        ada, "shapes", files={"README.md": b"---\nlicense: mit\n---\n# Shapes\n", "a.py": b"x = 1\ny = 2\n"}
    )
    by = make.as_principal(ada)
    make.put_large(repository, {"w.safetensors": b"weights"}, by=by)
    first = revision_of(repository, "main").commit
    make.put(repository, {"a.py": b"x = 1\nz = 3\n"}, by=by)
    make.put_large(repository, {"w2.safetensors": b"more weights"}, by=by)
    with chromium() as browser:
        visitor = Visitor(
            browser, site.url, width=width, dark=width == WIDTHS[1], language="zh-hans" if width == WIDTHS[1] else "en"
        )
        visitor.log_in("ada", PASSWORD)
        page = visitor.open("/ada/shapes/edit/main/README.md")
        page.fill("#id_text", "---\nlicense: mit\n---\n# Other shapes\n\nA **live** preview.\n")
        page.wait_for_selector("#preview strong")
        visitor.check_looks("edit")
        page.fill("#id_text", "---\nlicense: none-such\n---\n# Other shapes\n\nA **live** preview.\n")
        page.wait_for_selector("#preview [role=alert]")
        visitor.check_looks("edit-fault")
        page.fill("#id_text", "---\nlicense: mit\n---\n# Other shapes\n\nA **live** preview.\n")
        page.click("button[value=commit]")
        page.wait_for_url("**/blob/main/README.md")
        visitor.check_looks("blob")

        page = visitor.open("/ada/shapes/upload/main")
        page.locator("[data-zone]").evaluate(DROP)
        page.wait_for_selector("[data-files] li")
        visitor.check_looks("upload-dropped")
        page.click("button[value=commit]")
        page.wait_for_url("**/ada/shapes/tree/main")
        visitor.check_looks("tree")
        assert page.get_by_text("dropped.txt", exact=True).is_visible()

        page = visitor.open("/ada/shapes/discussions/new")
        page.locator("#id_text").evaluate(PASTE)
        expect(page.locator("#id_text")).to_have_value(re.compile("/uploads/"))
        page.fill("#id_title", "A picture")
        visitor.check_looks("discussion-new")
        page.click("main form button.button-primary")
        page.wait_for_url("**/discussions/1")
        shown = page.locator(".prose img").evaluate("image => image.decode().then(() => image.naturalWidth)")
        assert shown == 30
        visitor.check_looks("discussion-picture")

        page = visitor.open("/ada/shapes/move/main/w.safetensors")
        visitor.check_looks("move")
        page.fill("[name=path]", "weights/model.safetensors")
        page.click("button[value=commit]")
        page.wait_for_url("**/blob/main/weights/model.safetensors")
        for name, address in {
            "commit": f"commit/{first}",
            "compare": f"compare/{first}..main",
            "history": "commits/main?path=weights/model.safetensors",
            "new": "new/main",
            "delete": "delete/main/a.py",
            "card": "",
        }.items():
            visitor.open(f"/ada/shapes/{address}".rstrip("/"))
            visitor.check_looks(f"{name}")
        visitor.close()
