"""Stock clients against a site whose objects lie on a real S3 server."""

import contextlib
import hashlib
import json
import os
import re
import threading
import time
import urllib.request

import psutil
import pytest

from hub.models import LargeObject
from hub.selectors.revisions import entries_named, revision_of
from hub.storage.s3.bucket import Bucket
from tests.factories import hub as make
from tests.factories.accounts import UserFactory
from tests.hub.api.test_lfs import TYPE, named
from tests.hub.clients.test_git import git
from tests.hub.clients.test_huggingface_hub import run
from tests.hub.clients.test_other_clients import shell
from tests.hub.storage.s3.test_objects import ask
from tests.hub.views.test_uploading import PASSWORD, drop
from tests.support.browser import Visitor, chromium

pytestmark = pytest.mark.e2e

UPLOAD = """
api.create_repo("ada/tiny", private=True, exist_ok=True)
(here / "m").mkdir()
(here / "m/small.bin").write_bytes(os.urandom(300_000))
(here / "m/large.bin").write_bytes(os.urandom(12_000_000))
for name in ("small.bin", "large.bin"):
    api.upload_file(path_or_fileobj=here / "m" / name, path_in_repo=name, repo_id="ada/tiny")
back = Path(hf.snapshot_download("ada/tiny", cache_dir=here / "cache"))
answer["same"] = all(digest(back / name) == digest(here / "m" / name) for name in ("small.bin", "large.bin"))
answer["sha256"] = digest(here / "m/large.bin")
"""


def kinds(site):
    return {item.key.split("/")[0] for item in Bucket(site.place).items("")}


def asked(site, path, token, data=None):
    request = urllib.request.Request(
        f"{site.url}{path}",
        data=None if data is None else json.dumps(data).encode(),
        headers={"Content-Type": TYPE} | ({"Authorization": f"Bearer {token}"} if token else {}),
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


@pytest.fixture(autouse=True)
def empty_bucket(s3_site):
    yield
    bucket = Bucket(s3_site.place)
    for item in list(bucket.items("")):
        bucket.delete(item.key)


def test_lfs_in_one_piece_and_in_parts(s3_site, tmp_path):
    token = s3_site.token(make.person("ada"))

    answer = run(s3_site, tmp_path, token, UPLOAD, HF_HUB_DISABLE_XET="1")

    assert answer["same"]
    assert LargeObject.objects.filter(is_plain=True).count() == 2
    assert kinds(s3_site) == {"plain"}
    # No bytes on this machine; locks lie here all the same.
    left = [one.name for one in (s3_site.log.parent / "objects/plain").rglob("*")]
    assert set(left) <= {"sweep.lock"}


def test_xet(s3_site, tmp_path):
    token = s3_site.token(make.person("ada"))

    answer = run(s3_site, tmp_path, token, UPLOAD)
    plain = run(
        s3_site,
        tmp_path,
        token,
        'answer["sha256"] = digest(hf.hf_hub_download("ada/tiny", "large.bin", cache_dir=here / "plain"))',
        HF_HUB_DISABLE_XET="1",
    )

    assert answer["same"]
    assert plain["sha256"] == answer["sha256"]
    assert {"xorbs", "indexes", "files"} <= kinds(s3_site) <= {"xorbs", "indexes", "files", "touched"}
    assert LargeObject.objects.exclude(xet_hash="").count() == 2


def test_git_lfs(s3_site, tmp_path):
    ada = make.person("ada")
    make.repository(ada, "tiny", visibility="private", files={"README.md": b"hi\n"})
    address = s3_site.url.replace("http://", f"http://ada:{s3_site.token(ada)}@") + "/ada/tiny"
    weights = os.urandom(1_500_000)
    git(s3_site, tmp_path, "lfs", "install")
    git(s3_site, tmp_path, "clone", address, "clone")
    (tmp_path / "clone/weights.safetensors").write_bytes(weights)
    (tmp_path / "clone/.gitattributes").write_text("*.safetensors filter=lfs diff=lfs merge=lfs -text\n")
    git(s3_site, tmp_path / "clone", "add", ".")
    git(s3_site, tmp_path / "clone", "commit", "-m", "Add weights")

    git(s3_site, tmp_path / "clone", "push", "origin", "HEAD:main")
    git(s3_site, tmp_path, "clone", address, "second")

    assert (tmp_path / "second/weights.safetensors").read_bytes() == weights
    assert LargeObject.objects.get().size == len(weights)
    assert kinds(s3_site) == {"plain"}


def test_curl_takes_up_a_download_and_private_things_stay_private(s3_site, tmp_path):
    token = s3_site.token(make.person("ada"))
    stranger = s3_site.token(make.person("bob"))
    answer = run(s3_site, tmp_path, token, UPLOAD, HF_HUB_DISABLE_XET="1")
    address = f"{s3_site.url}/ada/tiny/resolve/main/large.bin"
    mine = ("-H", f"Authorization: Bearer {token}")

    shell(s3_site, tmp_path, None, "curl", "-sfL", *mine, "-r", "0-4999999", "-o", "part.bin", address)
    shell(s3_site, tmp_path, None, "curl", "-sfL", *mine, "-C", "-", "-o", "part.bin", address)
    link = shell(s3_site, tmp_path, None, "curl", "-s", *mine, "-o", "/dev/null", "-w", "%{redirect_url}", address)

    assert hashlib.sha256((tmp_path / "part.bin").read_bytes()).hexdigest() == answer["sha256"]
    assert link.decode().startswith(s3_site.place.endpoint)
    assert ask(link.decode(), Range="bytes=0-0")[0] == 206
    assert ask(link.decode().partition("?")[0])[0] == 403
    assert ask(address)[0] == 401
    assert ask(address, Authorization=f"Bearer {stranger}")[0] == 404


def test_through_the_site_where_clients_cannot_reach_the_bucket(s3_site, tmp_path):
    token = s3_site.token(make.person("ada"))
    process, other = s3_site.another(tmp_path, WELLSPRING_S3_PROXY="1", WELLSPRING_OBJECTS=str(tmp_path / "objects"))
    try:
        answer = run(other, tmp_path, token, UPLOAD, HF_HUB_DISABLE_XET="1")
        address = f"{other.url}/ada/tiny/resolve/main/large.bin"
        mine = ("-H", f"Authorization: Bearer {token}")
        whole = shell(other, tmp_path, None, "curl", "-sf", *mine, address)
    finally:
        process.kill()
        process.wait()

    assert answer["same"]
    assert hashlib.sha256(whole).hexdigest() == answer["sha256"]
    assert kinds(s3_site) == {"plain"}
    assert list((tmp_path / "objects/spool").glob("tmp*")) == []


def test_a_server_that_goes_away_comes_back_with_everything(s3_site, s3_server, tmp_path):
    ada = make.person("ada")
    token = s3_site.token(ada)
    run(s3_site, tmp_path, token, UPLOAD)
    data = os.urandom(100_000)
    batch = {"operation": "upload", "transfers": ["basic"], "objects": [named(data)]}
    actions = asked(s3_site, "/ada/tiny.git/info/lfs/objects/batch", token, batch)["objects"][0]["actions"]
    assert ask(actions["upload"]["href"], "PUT", data)[0] == 200
    verify = actions["verify"]["href"]
    large = f"{s3_site.url}/ada/tiny/resolve/main/large.bin"

    s3_server.stop_gateway()
    try:
        said = ask(verify, "POST", json.dumps(named(data)).encode(), **{"Content-Type": TYPE})
        bridged = ask(large, Authorization=f"Bearer {token}")
    finally:
        s3_server.start_gateway()
    again = ask(verify, "POST", json.dumps(named(data)).encode(), **{"Content-Type": TYPE})

    assert (said[0], bridged[0], again[0]) == (503, 503, 200)
    assert b"Nothing was lost" in said[1]
    assert ask(large, Authorization=f"Bearer {token}")[0] == 200
    assert LargeObject.objects.filter(pk=named(data)["oid"]).exists()


def test_a_site_that_is_killed_while_it_completes_loses_nothing(s3_site, tmp_path):
    token = s3_site.token(make.person("ada"))
    make.repository(make.person("grace"), "other")
    run(s3_site, tmp_path, token, 'api.create_repo("ada/tiny")')
    data = os.urandom(48_000_000)
    process, other = s3_site.another(tmp_path, WELLSPRING_OBJECTS=str(tmp_path / "objects"))
    batch = {"operation": "upload", "transfers": ["basic", "multipart"], "objects": [named(data)]}
    upload = asked(other, "/ada/tiny.git/info/lfs/objects/batch", token, batch)["objects"][0]["actions"]["upload"]
    size = int(upload["header"]["chunk_size"])
    for number in range(1, -(-len(data) // size) + 1):
        part = data[(number - 1) * size : number * size]
        assert ask(upload["header"][str(number)], "PUT", part)[0] == 200
    done = {"oid": named(data)["oid"]}

    def complete(href):
        return ask(href, "POST", json.dumps(done).encode(), **{"Content-Type": TYPE})

    def first_time():
        with contextlib.suppress(OSError):
            complete(upload["href"])

    waiting = threading.Thread(target=first_time)
    waiting.start()
    bucket = Bucket(s3_site.place)
    while not list(bucket.items("parts/")) and waiting.is_alive():
        time.sleep(0.005)
    for worker in [*psutil.Process(process.pid).children(), process]:
        worker.kill()
    process.wait()
    waiting.join()
    second = complete(upload["href"].replace(other.url, s3_site.url))

    assert second[0] == 200, second
    assert LargeObject.objects.get().size == len(data)
    assert kinds(s3_site) == {"plain"} or kinds(s3_site) == {"plain", "touched"}
    assert bucket.read(f"plain/{done['oid']}") == data


@pytest.mark.timeout(300)
def test_a_browser_uploads_in_parts_and_resumes_after_a_reload(s3_site):
    """Parts go through the site, as pages may talk to it alone; what has arrived lies on S3 already."""
    ada = UserFactory(username="ada")
    repository = make.repository(ada, "tiny")
    data = os.urandom(22_000_000)
    digest = hashlib.sha256(data).hexdigest()
    later = re.compile(r"/api/storage/uploads/[^/]+/[3-9]\?")
    with chromium() as browser:
        visitor = Visitor(browser, s3_site.url)
        visitor.log_in("ada", PASSWORD)
        page = visitor.open("/ada/tiny/upload/main")
        sent = []
        page.on("request", lambda request: request.method == "PUT" and sent.append(request.url))
        page.route(later, lambda route: route.abort())
        drop(page, [("model.safetensors", data)])
        page.click("button[value=commit]")
        page.locator("[data-summary]", has_text="Check the connection").wait_for(timeout=120_000)
        parts = {re.search(r"/(\d+)\?", url).group(1) for url in sent}
        assert {"1", "2"} <= parts

        page.unroute(later)
        page = visitor.open("/ada/tiny/upload/main")
        sent.clear()
        drop(page, [("model.safetensors", data), ("notes.txt", b"words\n")])
        page.click("button[value=commit]")
        page.wait_for_url("**/ada/tiny/tree/main")
        again = {re.search(r"/(\d+)\?", url).group(1) for url in sent}
        assert again
        assert not {"1", "2"} & again
        assert all(url.startswith(s3_site.url) for url in sent)
        visitor.close()
    assert [file.lfs_sha256 for file in entries_named(revision_of(repository, "main"), ["model.safetensors"])] == [
        digest
    ]
    assert any(item.key.endswith(digest) for item in Bucket(s3_site.place).items(""))
