"""A real nginx in front, as docs/how-to/nginx.conf sets it up: it sends the bytes, the site decides who gets them."""

import hashlib
import os

import pytest
import requests
from django.conf import settings

from config.embedded.ports import free_port
from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run
from tests.support import nginx
from tests.support.site_server import Site, database_url, start, stop

pytestmark = pytest.mark.e2e


@pytest.fixture
def fronted(transactional_db, tmp_path):
    log = tmp_path / "gunicorn.log"
    port = free_port()
    more = {"WELLSPRING_SENDFILE_PREFIX": "/_objects/", "WELLSPRING_BASE_URL": f"http://127.0.0.1:{port}"}
    process, url = start(database_url(), log, **more)
    try:
        app = url.removeprefix("http://")
        with nginx.in_front_of(app, settings.OBJECTS_ROOT, tmp_path / "nginx", port) as address:
            yield Site(address, log)
    finally:
        stop(process)


def test_clients_upload_and_download_through_it(fronted, tmp_path):
    ada = make.person("ada")
    token = fronted.token(ada)
    answer = run(
        fronted,
        tmp_path,
        token,
        """
        data = os.urandom(5_000_000)
        (here / "data.bin").write_bytes(data)
        api.create_repo("ada/big", private=True)
        answer["url"] = api.upload_file(path_or_fileobj=data, path_in_repo="data.bin", repo_id="ada/big").commit_url
        answer["same"] = Path(hf.hf_hub_download("ada/big", "data.bin")).read_bytes() == data
        """,
        HF_HUB_DISABLE_XET="1",
    )
    data = (tmp_path / "data.bin").read_bytes()
    address, mine = f"{fronted.url}/ada/big/resolve/main/data.bin", {"Authorization": f"Bearer {token}"}

    whole = requests.get(address, headers=mine, timeout=30)
    part = requests.get(address, headers=mine | {"Range": "bytes=1000000-1000099"}, timeout=30)
    same = requests.get(address, headers=mine | {"Range": "bytes=10-19", "If-Range": whole.headers["ETag"]}, timeout=30)
    other = requests.get(address, headers=mine | {"Range": "bytes=10-19", "If-Range": '"other"'}, timeout=30)
    stranger = requests.get(address, timeout=30)
    sha256 = hashlib.sha256(data).hexdigest()
    inside = requests.get(f"{fronted.url}/_objects/plain/{sha256[:2]}/{sha256[2:4]}/{sha256}", headers=mine, timeout=30)

    assert answer["same"] is True
    assert answer["url"].startswith(f"{fronted.url}/ada/big/commit/")
    assert whole.content == data
    assert "gunicorn" not in whole.headers["Server"]
    assert (whole.headers["ETag"], whole.headers["X-Linked-Size"]) == (f'"{sha256}"', str(len(data)))
    assert len(whole.headers["X-Repo-Commit"]) == 40
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    assert (part.status_code, part.content) == (206, data[1_000_000:1_000_100])
    assert (same.status_code, same.content) == (206, data[10:20])
    assert (other.status_code, other.content) == (200, data)
    assert stranger.status_code == 401
    assert inside.status_code == 404


def test_many_parts_at_once_and_a_cut_connection(fronted, tmp_path):
    ada = make.person("ada")
    data = os.urandom(3_000_000)
    (tmp_path / "data.bin").write_bytes(data)
    run(
        fronted,
        tmp_path,
        fronted.token(ada),
        """
        api.create_repo("ada/big")
        api.upload_file(path_or_fileobj=here / "data.bin", path_in_repo="data.bin", repo_id="ada/big")
        """,
    )
    address = f"{fronted.url}/ada/big/resolve/main/data.bin"

    with requests.get(address, stream=True, timeout=30) as response:
        begun = next(response.iter_content(100_000))
    rest = requests.get(address, headers={"Range": f"bytes={len(begun)}-"}, timeout=30)

    assert begun + rest.content == data
