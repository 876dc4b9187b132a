"""The hf command, curl, datasets: whoever else reads and writes here."""

import json
import subprocess

import pytest

from hub.models import Repository
from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run

pytestmark = pytest.mark.e2e


def shell(site, folder, token, *command):
    done = subprocess.run(
        command, env=site.environment(folder, token), cwd=folder, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{done.stdout!r}{done.stderr!r}\n{site.log.read_text()[-3000:]}"
    return done.stdout


def test_hf_command_and_curl(site, tmp_path):
    token = site.token(make.person("ada"))
    data = bytes(range(256)) * 20_000
    (tmp_path / "files").mkdir()
    (tmp_path / "files/data.bin").write_bytes(data)

    assert b"ada" in shell(site, tmp_path, token, "hf", "auth", "whoami")
    shell(site, tmp_path, token, "hf", "upload", "ada/cli", "files", ".", "--repo-type", "dataset")
    shell(site, tmp_path, token, "hf", "download", "ada/cli", "--repo-type", "dataset", "--local-dir", "back")
    address = f"{site.url}/datasets/ada/cli/resolve/main/data.bin"
    whole = shell(site, tmp_path, None, "curl", "-sfL", address)
    part = shell(site, tmp_path, None, "curl", "-sfL", "-r", "1000-1999", address)
    last = shell(site, tmp_path, None, "curl", "-sfL", "-r", "-7", address)

    assert (tmp_path / "back/data.bin").read_bytes() == whole == data
    assert (part, last) == (data[1000:2000], data[-7:])

    # A body without a length, as programs send it that make a commit while they send it.
    lines = ({"key": "header", "value": {"summary": "x"}}, {"key": "file", "value": {"path": "a", "content": "1"}})
    (tmp_path / "commit").write_text("\n".join(map(json.dumps, lines)))
    commit = f"{site.url}/api/datasets/ada/cli/commit/main"
    headers = [f"Authorization: Bearer {token}", "Transfer-Encoding: chunked", "Content-Type: application/x-ndjson"]
    flags = [word for header in headers for word in ("-H", header)]
    shell(site, tmp_path, None, "curl", "-sf", *flags, "--data-binary", "@commit", commit)
    assert shell(site, tmp_path, None, "curl", "-sfL", address.replace("data.bin", "a")) == b"1"


def test_plain_objects_leave_by_sendfile_in_parts(site, tmp_path):
    token = site.token(make.person("ada"))
    data = bytes(range(256)) * 50_000
    (tmp_path / "data.bin").write_bytes(data)
    run(
        site,
        tmp_path,
        token,
        """
        api.create_repo("ada/plain")
        api.upload_file(path_or_fileobj=here / "data.bin", path_in_repo="data.bin", repo_id="ada/plain")
        """,
        HF_HUB_DISABLE_XET="1",
    )
    address = f"{site.url}/ada/plain/resolve/main/data.bin"

    whole = shell(site, tmp_path, None, "curl", "-sf", address)
    middle = shell(site, tmp_path, None, "curl", "-sf", "-r", "9000000-9999999", address)
    several = shell(site, tmp_path, None, "curl", "-sf", "-r", "0-9", address, "-r", "0-9", address)

    assert whole == data
    assert middle == data[9_000_000:10_000_000]
    assert several == data[:10] * 2
    assert Repository.objects.get().downloads == 1
    # A server that stumbles after the last byte drops the connection, which only the next request notices.
    assert "Traceback" not in site.log.read_text()


def test_datasets_reads_parquet(site, tmp_path):
    token = site.token(make.person("ada"))

    answer = run(
        site,
        tmp_path,
        token,
        """
        import datasets
        made = datasets.Dataset.from_dict({"text": [f"row {n}" for n in range(100)], "n": list(range(100))})
        made.push_to_hub("ada/rows", private=True)
        back = datasets.load_dataset("ada/rows", split="train")
        answer["rows"] = back.num_rows
        answer["last"] = back[99]
        streamed = datasets.load_dataset("ada/rows", split="train", streaming=True)
        answer["first"] = next(iter(streamed))
        """,
    )

    assert answer == {"rows": 100, "last": {"text": "row 99", "n": 99}, "first": {"text": "row 0", "n": 0}}
