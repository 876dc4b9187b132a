"""Buckets by the stock client: files, synchronisation, command, file system."""

import pytest

from tests.factories import hub as make
from tests.hub.clients.test_huggingface_hub import run
from tests.hub.clients.test_other_clients import shell

pytestmark = pytest.mark.e2e


def test_files_copies_and_synchronisation(site, tmp_path):
    token = site.token(make.person("ada"))

    answer = run(
        site,
        tmp_path,
        token,
        """
        name = api.create_bucket("store", private=True).bucket_id
        answer["id"], answer["private"] = name, api.bucket_info(name).private
        big = os.urandom(2_000_000)
        api.batch_bucket_files(name, add=[(big, "data/big.bin"), (b"small", "small.txt"), (b"", "empty")])
        back = [("data/big.bin", here / "big.bin"), ("empty", here / "empty")]
        api.download_bucket_files(name, back)
        answer["same"] = (here / "big.bin").read_bytes() == big and (here / "empty").read_bytes() == b""

        (here / "local/sub").mkdir(parents=True)
        (here / "local/sub/one.txt").write_text("one")
        (here / "local/two.bin").write_bytes(big[:500_000])
        api.sync_bucket(str(here / "local"), f"hf://buckets/{name}/synced")
        api.sync_bucket(f"hf://buckets/{name}/synced", str(here / "again"))
        answer["synced"] = digest(here / "again/two.bin") == digest(here / "local/two.bin")

        api.create_repo("ada/model")
        api.upload_file(path_or_fileobj=big[:900_000], path_in_repo="w.safetensors", repo_id="ada/model")
        api.copy_files("hf://ada/model/w.safetensors", f"hf://buckets/{name}/copied.safetensors")
        fs = hf.HfFileSystem()
        answer["copied"] = fs.cat(f"buckets/{name}/copied.safetensors") == big[:900_000]
        answer["ls"] = sorted(entry["name"].removeprefix(f"buckets/{name}/") for entry in fs.ls(f"buckets/{name}"))
        with fs.open(f"hf://buckets/{name}/data/big.bin", "rb") as file:
            file.seek(1_000_000)
            answer["part"] = file.read(1000) == big[1_000_000:1_001_000]
        fs.mv(f"buckets/{name}/small.txt", f"buckets/{name}/moved.txt")
        answer["files"] = sorted(one.path for one in api.list_bucket_tree(name))
        answer["batch"] = raised(api.batch_bucket_files, name, copy=[("bucket", name, "a" * 64, "x")])
        answer["sum"] = api.bucket_info(name).size
        api.delete_bucket(name)
        answer["gone"] = raised(api.bucket_info, name)
        """,
    )

    assert answer == {
        "id": "ada/store",
        "private": True,
        "same": True,
        "synced": True,
        "copied": True,
        "ls": ["copied.safetensors", "data", "empty", "small.txt", "synced"],
        "part": True,
        "files": ["copied.safetensors", "data/big.bin", "empty", "moved.txt", "synced/sub/one.txt", "synced/two.bin"],
        "batch": "BucketBatchError",
        "sum": 2_000_000 + 5 + 900_000 + 3 + 500_000,
        "gone": "BucketNotFoundError",
    }


def test_the_hf_command(site, tmp_path):
    token = site.token(make.person("ada"))
    (tmp_path / "files/a").mkdir(parents=True)
    (tmp_path / "files/a/one.bin").write_bytes(bytes(range(256)) * 3000)

    shell(site, tmp_path, token, "hf", "buckets", "create", "ada/store")
    shell(site, tmp_path, token, "hf", "buckets", "sync", "files", "hf://buckets/ada/store")
    listed = shell(site, tmp_path, token, "hf", "buckets", "ls", "ada/store/a/", "-R", "--quiet")
    shell(site, tmp_path, token, "hf", "buckets", "cp", "hf://buckets/ada/store/a/one.bin", "back.bin")
    shell(site, tmp_path, token, "hf", "buckets", "delete", "ada/store", "--yes")

    assert listed.split() == [b"a/one.bin"]
    assert (tmp_path / "back.bin").read_bytes() == bytes(range(256)) * 3000
