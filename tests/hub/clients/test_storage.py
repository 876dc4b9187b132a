"""Storage through the stock clients: large files deleted for good, limits, uploads that were killed, memory."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hub import stores
from hub.models import LargeObject, Repository, RepositoryObject
from hub.selectors import files_at, revision_of
from hub.services import quotas
from tests.factories import hub as make
from tests.hub.clients.test_git import git
from tests.hub.clients.test_huggingface_hub import run
from tests.support.site_server import own_site

pytestmark = pytest.mark.e2e

LFS_FILES = """
import time
name = str(api.create_repo("ada/heavy").repo_id)
def put(content, path, **more):
    api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=name, **more)
put(b"LFS content", "one.bin"); put(b"text", "note.txt"); put(b"LFS content 2", "two.bin")
api.create_branch(name, branch="side")
put(b"LFS content 3", "side.bin", revision="side")
listed = list(api.list_lfs_files(name))
answer["listed"] = {one.filename: [one.ref, one.size] for one in listed}
answer["used"] = api.model_info(name, expand=["usedStorage"]).used_storage
before = api.model_info(name).sha
api.permanently_delete_lfs_files(name, [one for one in listed if one.ref == "main"])
answer["left"] = [one.filename for one in api.list_lfs_files(name)]
answer["files"] = sorted(api.list_repo_files(name))
answer["side"] = sorted(api.list_repo_files(name, revision="side"))
answer["download"] = raised(api.hf_hub_download, name, "one.bin")
answer["old"] = raised(api.list_repo_files, name, revision=before)
answer["freed"] = api.model_info(name, expand=["usedStorage"]).used_storage
third = list(api.list_lfs_files(name))
api.permanently_delete_lfs_files(name, third, rewrite_history=False)
try:
    api.hf_hub_download(name, "side.bin", revision="side")
except errors.EntryNotFoundError as error:
    answer["detached"] = str(error)
repos = list(api.list_user_repos()) if hasattr(api, "list_user_repos") else []
answer["percent"] = [one.storage_percent for one in repos]
"""


def test_large_files_are_listed_and_deleted_for_good(site, tmp_path):
    ada = make.person("ada")

    answer = run(site, tmp_path, site.token(ada), LFS_FILES)

    assert answer["listed"] == {"one.bin": ["main", 11], "two.bin": ["main", 13], "side.bin": ["side", 13]}
    assert (answer["used"], answer["freed"]) == (37, 13)
    assert answer["left"] == ["side.bin"]
    assert answer["files"] == [".gitattributes", "note.txt"]
    assert answer["side"] == [".gitattributes", "note.txt", "side.bin"]
    assert answer["download"] == "RemoteEntryNotFoundError"
    assert answer["old"] == "RevisionNotFoundError"
    assert "deleted for good" in answer["detached"]
    assert answer["percent"] in ([], [100.0])


FULL = """
name = str(api.create_repo("ada/full").repo_id)
try:
    api.upload_file(path_or_fileobj=os.urandom(400_000), path_in_repo="big.bin", repo_id=name)
except Exception as error:
    answer["error"] = str(error)
(here / "f.bin").write_bytes(os.urandom(400_000))
try:
    api.upload_folder(folder_path=here, allow_patterns=["f.bin"], repo_id=name)
except Exception as error:
    answer["folder"] = str(error)
"""


@pytest.mark.parametrize("xet", ["0", "1"])
def test_people_read_what_is_full_and_what_to_do(site, tmp_path, xet):
    ada = make.person("ada")
    quotas.set_limits(ada.namespace, by="test", public_bytes=300_000)

    answer = run(site, tmp_path, site.token(ada), FULL, HF_HUB_DISABLE_XET=xet)

    for said in answer.values():
        assert "The public storage of ada is full" in said
        assert "/settings/storage" in said
    assert len(answer) == 2
    assert Repository.objects.get().used_storage == 0


def upload(site, folder, token, source, **more):
    command = [str(Path(sys.executable).parent / "hf"), "upload", "ada/resumed", str(source), "--quiet"]
    environment = site.environment(folder, token, **more)
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def kill_when(process, condition):
    """Kill -9 as soon as the condition holds; the client must not have ended by itself."""
    for _attempt in range(6000):
        if condition():
            break
        assert process.poll() is None, process.stdout.read()[-3000:]
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def finish(process, site):
    output, _nothing = process.communicate(timeout=300)
    assert process.returncode == 0, f"{output[-3000:]}\n{site.log.read_text()[-3000:]}"


def test_an_lfs_upload_that_was_killed_sends_finished_files_once(transactional_db, tmp_path):
    ada = make.person("ada")
    make.repository(ada, "resumed")
    source = tmp_path / "files"
    source.mkdir()
    for number in range(16):
        (source / f"{number}.bin").write_bytes(os.urandom(5_000_000))
    with own_site(tmp_path / "log", GUNICORN_CMD_ARGS="--access-logfile -") as (site, _pid):
        token = site.token(ada)
        first = upload(site, tmp_path, token, source, HF_HUB_DISABLE_XET="1")
        kill_when(first, lambda: LargeObject.objects.count() >= 3)
        time.sleep(1)  # what the server had received whole is finished
        done = LargeObject.objects.count()
        before = site.log.read_text().count('"PUT /api/storage/uploads/')
        finish(upload(site, tmp_path, token, source, HF_HUB_DISABLE_XET="1"), site)
        again = site.log.read_text().count('"PUT /api/storage/uploads/') - before

    assert 3 <= done < 16
    assert again == (16 - done) * 5, "five parts of a MiB for each file that was not finished, none for the others"
    files = [file for file in files_at(revision_of(Repository.objects.get(), "main")) if file.lfs_sha256]
    assert len(files) == RepositoryObject.objects.filter(committed_at__isnull=False).count() == 16


UPLOAD_AND_HANG = """
import sys, time
import huggingface_hub as hf
from pathlib import Path
files = sorted(Path(sys.argv[1]).glob("*.bin"))
added = [hf.CommitOperationAdd(path_in_repo=file.name, path_or_fileobj=file) for file in files]
hf.HfApi().preupload_lfs_files("ada/resumed", additions=added[:2])
print("uploaded", flush=True)
time.sleep(600)
"""


def test_a_xet_upload_that_was_killed_sends_announced_files_once(transactional_db, tmp_path):
    """Two of three files had been announced by a shard; what had not, the client sends again."""
    ada = make.person("ada")
    make.repository(ada, "resumed")
    source = tmp_path / "files"
    source.mkdir()
    for number in range(3):
        (source / f"{number}.bin").write_bytes(os.urandom(8_000_000))
    with own_site(tmp_path / "log", GUNICORN_CMD_ARGS="--access-logfile -") as (site, _pid):
        token = site.token(ada)
        command = [sys.executable, "-c", UPLOAD_AND_HANG, str(source)]
        with subprocess.Popen(command, env=site.environment(tmp_path, token), stdout=subprocess.PIPE, text=True) as one:
            assert one.stdout.readline() == "uploaded\n"
            os.kill(one.pid, signal.SIGKILL)
        before = len(site.log.read_text())
        finish(upload(site, tmp_path, token, source), site)
        later = site.log.read_text()[before:]

    sent = {line.split("/default/")[1].split(" ")[0] for line in later.splitlines() if '"POST /cas/v1/xorbs/' in line}
    assert sum(stores.xet_store().index(name).plain_size for name in sent) == 8_000_000
    files = [file for file in files_at(revision_of(Repository.objects.get(), "main")) if file.lfs_sha256]
    assert len(files) == 3


def memory(pid):
    """Resident bytes of a process and all its children, and of its largest Python process."""
    children: dict[int, list[int]] = {}
    rss: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            rss[int(folder.name)] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append(int(folder.name))
    waiting, total, workers = [pid], 0, 0
    while waiting:
        one = waiting.pop()
        total += rss.get(one, 0)
        if one in children.get(pid, []):
            workers = max(workers, rss.get(one, 0))
        waiting += children.get(one, [])
    return total, workers


def test_a_push_of_200_megabytes_does_not_fill_the_memory(transactional_db, tmp_path):
    ada = make.person("ada")
    make.repository(ada, "pushed")
    with own_site(tmp_path / "log") as (site, pid):
        address = site.url.replace("http://", f"http://ada:{site.token(ada)}@") + "/ada/pushed"
        git(site, tmp_path, "clone", address, "clone")
        clone = tmp_path / "clone"
        for number in range(4):
            (clone / f"{number}.txt").write_bytes(os.urandom(50_000_000))
        # No search for deltas in noise: the server is watched, not the client.
        git(site, clone, "config", "core.bigFileThreshold", "1m")
        git(site, clone, "config", "core.compression", "0")
        git(site, clone, "add", ".")
        git(site, clone, "commit", "-m", "Much")
        before = memory(pid)
        peaks, stop = [before], threading.Event()

        def watch():
            while not stop.wait(0.2):
                peaks.append(memory(pid))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            git(site, clone, "push", "origin", "HEAD:main")
        finally:
            stop.set()
            thread.join()

    mib = 2**20
    whole, worker = (max(column) for column in zip(*peaks, strict=True))
    facts = {"all": (whole - before[0]) // mib, "worker": (worker - before[1]) // mib}
    print(facts)
    assert facts["worker"] < 100, facts
    assert facts["all"] < 700, facts
    assert Repository.objects.get().git_size > 200_000_000
