import fcntl
import subprocess
import threading

from hub.git import maintenance, reading, repositories
from hub.git.commits import AddBytes, write_commit

from .conftest import AUTHOR


def test_many_packs_become_few_and_nothing_is_lost(path, repo):
    for number in range(4):
        operations = [AddBytes(f"{number}/{file}", b"%d %d" % (number, file)) for file in range(30)]
        write_commit(repo, "main", operations, message=str(number), author=AUTHOR)
    assert maintenance.pack_count(path) == 4
    assert not maintenance.needs_repack(path)
    assert maintenance.repack(path)
    assert maintenance.pack_count(path) == 1
    again = repositories.open_repository(path)
    head = reading.resolve(again, "main")
    assert reading.read_file(again, head, "3/29") == b"3 29"
    assert reading.read_file(repo, head, "0/7") == b"0 7"
    assert maintenance.check(path) == []
    write_commit(again, "main", [AddBytes("after", b"1")], message="after", author=AUTHOR)
    assert maintenance.prune(path)
    assert maintenance.check(path) == []


def test_only_one_works_on_a_repository(path):
    with (path / "maintenance.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not maintenance.repack(path)
        assert not maintenance.prune(path)
    assert maintenance.repack(path)


def test_check_names_what_is_broken(path, repo, first):
    oid = first.changed[0].oid
    blob = path / "objects" / oid[:2] / oid[2:]
    blob.chmod(0o600)
    blob.write_bytes(b"rubbish")
    assert maintenance.check(path) != []


def test_clones_and_commits_go_on_while_it_is_repacked(path, repo, first, tmp_path, monkeypatch):
    """Real processes side by side: every clone is whole, every commit is kept."""
    monkeypatch.setattr("hub.git.packs.LOOSE_LIMIT", 0)
    faults, stop = [], threading.Event()

    def write():
        mine = repositories.open_repository(path)
        for number in range(40):
            write_commit(mine, "main", [AddBytes(f"{number}", b"%d" % number)], message=f"{number}", author=AUTHOR)
        stop.set()

    def clone():
        number = 0
        while not stop.is_set() or number == 0:
            target = tmp_path / f"clone{number}"
            for command in (
                ["git", "clone", "-q", "--bare", "--no-local", str(path), str(target)],
                ["git", "--git-dir", str(target), "fsck", "--connectivity-only"],
            ):
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    faults.append(done.stderr)
            number += 1

    threads = [threading.Thread(target=work) for work in (write, clone)]
    for thread in threads:
        thread.start()
    rounds = 0
    while not stop.is_set():
        rounds += maintenance.repack(path)
    for thread in threads:
        thread.join()

    assert faults == []
    assert rounds > 0
    again = repositories.open_repository(path)
    assert reading.count_commits(again, reading.resolve(again, "main")) == 41
    assert maintenance.check(path) == []
