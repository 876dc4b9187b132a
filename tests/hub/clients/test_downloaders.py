"""Programs that know nothing of the Hub: they resume, and they take parts in parallel."""

import hashlib
import os

import pytest

from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run
from tests.hub.clients.test_other_clients import shell

pytestmark = pytest.mark.e2e
UPLOAD = """
api.create_repo("ada/big", private=True)
api.upload_file(path_or_fileobj=here / "big.bin", path_in_repo="big.bin", repo_id="ada/big")
"""


@pytest.fixture(params=["xet", "lfs"])
def big(request, site, tmp_path):
    """A private file of 24 MiB, stored as Xet terms or as plain bytes: address, a header, digest."""
    token = site.token(make.person("ada"))
    data = os.urandom(24 * 2**20)
    (tmp_path / "big.bin").write_bytes(data)
    run(site, tmp_path, token, UPLOAD, **({"HF_HUB_DISABLE_XET": "1"} if request.param == "lfs" else {}))
    header = f"Authorization: Bearer {token}"
    return f"{site.url}/ada/big/resolve/main/big.bin", header, hashlib.sha256(data).hexdigest()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_curl_goes_on_where_it_was_cut_off(site, tmp_path, big):
    address, header, expected = big
    begun = tmp_path / "begun.bin"
    begun.write_bytes((tmp_path / "big.bin").read_bytes()[:10_000_001])

    shell(site, tmp_path, None, "curl", "-sfL", "-C", "-", "-H", header, "-o", str(begun), address)

    assert digest(begun) == expected


def test_aria2_takes_eight_parts_at_once(site, tmp_path, big):
    address, header, expected = big

    command = ["aria2c", "-x", "8", "-s", "8", "-k", "1M", "--quiet", "--header", header, "-o", "parts.bin"]
    shell(site, tmp_path, None, *command, f"--checksum=sha-256={expected}", address)

    assert digest(tmp_path / "parts.bin") == expected
