"""Buckets by the stock client: files, synchronisation, command, file system."""

import json
from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from hub.models import BucketChange
from hub.services import bucket_feed
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


def test_a_listing_follows_the_changes_of_others(site, tmp_path):
    token = site.token(make.person("ada"))

    answer = run(
        site,
        tmp_path,
        token,
        """
        import time
        from huggingface_hub._bucket_live_follow import BUCKET_FOLLOWERS
        name = api.create_bucket("store").bucket_id
        api.batch_bucket_files(name, add=[(b"one", "data/one.txt")])
        fs = hf.HfFileSystem(skip_instance_cache=True, live_follow=True)
        def names(): return sorted(path.rpartition("/")[2] for path in fs.ls(f"buckets/{name}/data", detail=False))
        def wait(sign):
            for attempt in range(200):
                if sign(): return True
                time.sleep(0.1)
        answer["first"] = names()
        answer["follows"] = wait(lambda: any(one.subscribed for one, _ in BUCKET_FOLLOWERS.values()))
        api.batch_bucket_files(name, add=[(b"two", "data/two.txt"), (b"1", "data/one.txt")])
        answer["added"] = wait(lambda: names() == ["one.txt", "two.txt"])
        answer["changed"] = wait(lambda: fs.info(f"buckets/{name}/data/one.txt")["size"] == 1)
        api.batch_bucket_files(name, delete=["data/one.txt"])
        answer["deleted"] = wait(lambda: names() == ["two.txt"])
        for follower, _ in BUCKET_FOLLOWERS.values(): follower.stop()
        """,
    )

    assert answer == {"first": ["one.txt"], "follows": True, "added": True, "changed": True, "deleted": True}


def test_the_past_is_told_first_and_what_was_forgotten_asks_for_a_new_list(site):
    make.bucket(make.person("ada"), "store", files={"a": b"1", "b": b"2"})
    BucketChange.objects.filter(path="a").update(at=timezone.now() - bucket_feed.KEPT - timedelta(minutes=1))
    address = f"{site.url}/api/buckets/ada/store/events"

    told = events(f"{address}?cursor=0", until="ready")
    forgotten = bucket_feed.forget_old()
    again = events(f"{address}?cursor=0", until="reset")
    since = events(f"{address}?since=2026-01-01T00:00:00Z", until="reset")
    now = events(address, until="ready")

    assert [(one["path"], one["op"], one["size"]) for one in told["changes"]["changes"]] == [
        ("a", "add", 1),
        ("b", "add", 1),
    ]
    assert told["ready"] == {"cursor": told["changes"]["cursor"]} == now["ready"]
    assert forgotten == 1
    assert set(again) == set(since) == {"reset"}
    assert set(now) == {"ready"}


def events(address, *, until):
    """The events of a feed by name, up to one; the last of each."""
    found = {}
    with requests.get(address, stream=True, timeout=20) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        name = ""
        for line in response.iter_lines(decode_unicode=True, chunk_size=1):
            kind, _, value = line.partition(": ")
            if kind == "event":
                name = value
            elif kind == "data":
                found[name] = json.loads(value)
                if name == until:
                    return found
    return found
