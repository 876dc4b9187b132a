import contextlib
import gzip
import io
import multiprocessing
import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from hub.git import maintenance, pushes, reading, refs, repositories, smart_http
from hub.git.commits import AddBytes, write_commit
from hub.git.errors import GitError, PushRefused
from hub.git.lfs_pointer import Pointer, format_pointer
from hub.git.refs import RefUpdate

from .conftest import AUTHOR
from .git_server import serving

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "researcher",
    "GIT_AUTHOR_EMAIL": "r@example.org",
    "GIT_COMMITTER_NAME": "researcher",
    "GIT_COMMITTER_EMAIL": "r@example.org",
}


def git(*arguments, cwd=None, check=True):
    return subprocess.run(
        ["git", *map(str, arguments)], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=check
    )


@pytest.fixture
def server(path, first):
    with serving(path) as hub:
        yield hub


@pytest.fixture
def clone(server, tmp_path):
    git("clone", "-q", server.url, tmp_path / "clone")
    return tmp_path / "clone"


def commit_file(clone: Path, name: str, data: bytes, message: str = "change") -> str:
    file = clone / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    git("-c", "core.protectNTFS=false", "add", "-A", cwd=clone)
    git("commit", "-q", "-m", message, cwd=clone)
    return git("rev-parse", "HEAD", cwd=clone).stdout.strip()


def test_clone_gives_the_files_and_the_branch(clone, first):
    assert git("rev-parse", "HEAD", cwd=clone).stdout.strip() == first.oid
    assert (clone / "README.md").read_bytes() == b"# Shapes\n"
    assert git("branch", "--show-current", cwd=clone).stdout.strip() == "main"


@pytest.mark.parametrize("version", ["0", "1", "2"])
def test_every_protocol_version_works(server, tmp_path, version):
    git("-c", f"protocol.version={version}", "clone", "-q", server.url, tmp_path / "x")
    assert (tmp_path / "x" / "README.md").exists()


def test_clones_may_be_shallow_or_partial(server, repo, tmp_path):
    for number in range(3):
        write_commit(repo, "main", [AddBytes("x", b"%d" % number)], message=str(number), author=AUTHOR)
    git("clone", "-q", "--depth=1", server.url, tmp_path / "shallow")
    assert git("rev-list", "--count", "HEAD", cwd=tmp_path / "shallow").stdout.strip() == "1"
    git("clone", "-q", "--filter=blob:none", "--no-checkout", server.url, tmp_path / "partial")
    git("checkout", "-q", "main", cwd=tmp_path / "partial")
    assert (tmp_path / "partial" / "x").read_bytes() == b"2"


def test_empty_repository_can_be_cloned_and_pushed_to(tmp_path):
    path = tmp_path / "empty.git"
    repositories.create(path)
    with serving(path) as hub:
        git("clone", "-q", hub.url, tmp_path / "work")
        oid = commit_file(tmp_path / "work", "x", b"1")
        git("push", "-q", "origin", "HEAD:main", cwd=tmp_path / "work")
        assert hub.moved == [[RefUpdate("refs/heads/main", None, oid)]]


def test_push_moves_the_branch_and_tells(server, clone, repo, first):
    oid = commit_file(clone, "a/b.txt", b"hello")
    git("push", "-q", cwd=clone)
    move = [RefUpdate("refs/heads/main", first.oid, oid)]
    assert server.pushes == [move]
    assert server.moved == [move]
    assert reading.read_file(repo, oid, "a/b.txt") == b"hello"


def test_large_push_comes_in_chunks(server, clone, repo):
    oid = commit_file(clone, "large", os.urandom(3_000_000))
    git("push", "-q", cwd=clone)
    assert reading.entry(repo, oid, "large").size == 3_000_000


def test_long_fetch_is_gzipped(server, repo, tmp_path):
    for number in range(30):
        write_commit(repo, f"b{number}", [AddBytes("x", b"%d" % number)], message="m", author=AUTHOR)
    git("-c", "protocol.version=0", "clone", "-q", server.url, tmp_path / "all")
    assert ("git-upload-pack", "gzip") in server.requests


def test_branches_and_tags_are_created_and_deleted(server, clone, repo, first):
    git("tag", "-a", "v1", "-m", "one", cwd=clone)
    git("push", "-q", "origin", "HEAD:refs/heads/feature", "v1", cwd=clone)
    assert [ref.name for ref in refs.branches(repo) + refs.tags(repo)] == ["feature", "main", "v1"]
    assert reading.resolve(repo, "v1") == first.oid
    git("push", "-q", "origin", ":feature", ":refs/tags/v1", cwd=clone)
    assert [(move.ref, move.new) for move in server.moved[-1]] == [("refs/heads/feature", None), ("refs/tags/v1", None)]


def test_refused_push_changes_nothing_and_says_why(server, clone, repo, path, first):
    def rule(push):
        raise PushRefused("The quota of this repository is used up.")

    server.rule = rule
    commit_file(clone, "x", os.urandom(100_000))
    done = git("push", cwd=clone, check=False)
    assert done.returncode == 1
    assert "The quota of this repository is used up." in done.stderr
    assert reading.resolve(repo, "main") == first.oid
    assert server.moved == []
    assert not list((path / "objects").glob("tmp_objdir*"))


def test_broken_check_refuses_the_push(server, clone, repo, first, caplog):
    def rule(push):
        raise RuntimeError("a secret detail")

    server.rule = rule
    commit_file(clone, "x", b"1")
    done = git("push", cwd=clone, check=False)
    assert "The server could not check this push" in done.stderr
    assert "secret" not in done.stderr
    assert reading.resolve(repo, "main") == first.oid


def test_pushed_objects_are_there_for_the_check_only(server, clone, repo, path):
    seen = []

    def rule(push):
        seen.extend(entry.path for entry in reading.iter_tree(push.repository, push.updates[0].new))
        seen.append(pushes.new_pointers(push))
        assert push.updates[0].new not in repositories.open_repository(path)
        raise PushRefused("not now")

    server.rule = rule
    commit_file(clone, "other.bin", format_pointer("cd" * 32, 9))
    commit_file(clone, "other.bin", format_pointer("ef" * 32, 9))
    git("push", cwd=clone, check=False)
    assert "other.bin" in seen
    # The pointer that only the older of the two commits holds counts as well.
    assert seen[-1] == {Pointer("cd" * 32, 9), Pointer("ef" * 32, 9)}


def test_rules_of_refs_are_kept(server, clone, repo, first):
    server.rule = pushes.check_refs
    refs.update(repo, [RefUpdate("refs/pr/1", None, first.oid)])
    oid = commit_file(clone, "x", b"1")
    refused = ["HEAD:refs/pr/2", "HEAD:refs/notes/x", ":main", f"HEAD:refs/heads/{'0' * 40}", ":refs/pr/1"]
    for spec in refused:
        assert git("push", "origin", spec, cwd=clone, check=False).returncode == 1, spec
    for spec in ("HEAD:refs/convert/x", "HEAD:refs/internal/x"):
        assert git("push", "origin", spec, cwd=clone, check=False).returncode == 1, spec
    assert server.moved == []
    git("push", "-q", "origin", "HEAD:refs/pr/1", cwd=clone)
    assert reading.resolve(repo, "refs/pr/1") == oid


@pytest.mark.parametrize(
    "name", ["a\nb", "x" * 200 + "/" + "y" * 250 + "/" + "z" * 250 + "/" + "w" * 250 + "/" + "v" * 250]
)
def test_rules_of_paths_are_kept(server, clone, repo, first, name):
    server.rule = pushes.check_paths
    commit_file(clone, name, b"1")
    done = git("push", cwd=clone, check=False)
    assert done.returncode == 1
    assert "is not allowed" in done.stderr
    assert reading.resolve(repo, "main") == first.oid


def test_tree_with_a_git_folder_is_refused_by_git_itself(server, clone, repo, first):
    blob = git("hash-object", "-w", "README.md", cwd=clone).stdout.strip()
    listing = f"100644 blob {blob}\tconfig\n"
    inner = subprocess.run(
        ["git", "mktree"], input=listing, cwd=clone, env=ENVIRONMENT, capture_output=True, text=True, check=True
    ).stdout.strip()
    outer = subprocess.run(
        ["git", "mktree"], input=f"040000 tree {inner}\t.GIT\n", cwd=clone, env=ENVIRONMENT, capture_output=True,
        text=True, check=True,
    ).stdout.strip()  # fmt: skip
    oid = git("commit-tree", "-m", "x", "-p", "HEAD", outer, cwd=clone).stdout.strip()
    done = git("push", "origin", f"{oid}:refs/heads/evil", cwd=clone, check=False)
    assert done.returncode == 1
    assert server.pushes == []
    assert reading.resolve(repo, "evil") is None


def test_hidden_refs_are_not_told(server, repo, first):
    for name in ("refs/internal/kept", "refs/pr/1", "refs/convert/parquet"):
        refs.update(repo, [RefUpdate(name, None, first.oid)])
    told = git("ls-remote", server.url).stdout
    assert "refs/pr/1" in told
    assert "refs/convert/parquet" in told
    assert "internal" not in told


def test_stale_push_is_refused_by_git(server, clone, repo):
    theirs = write_commit(repo, "main", [AddBytes("y", b"1")], message="theirs", author=AUTHOR)
    commit_file(clone, "x", b"1")
    done = git("push", cwd=clone, check=False)
    assert done.returncode == 1
    assert reading.resolve(repo, "main") == theirs.oid


def test_push_over_the_limit_is_refused(server, clone, repo, first):
    server.max_bytes = 100_000
    commit_file(clone, "x", os.urandom(300_000))
    assert git("push", cwd=clone, check=False).returncode == 1
    assert server.pushes == []
    assert reading.resolve(repo, "main") == first.oid


def running_git() -> list[psutil.Process]:
    """Child processes of git; one that ends while we look is none."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "git" in child.name():
                found.append(child)
    return found


def test_closing_the_answer_kills_git(path, repo, first):
    for number in range(3):
        write_commit(repo, "main", [AddBytes(f"{number}", os.urandom(4_000_000))], message=str(number), author=AUTHOR)
    head = reading.resolve(repo, "main")
    want = f"want {head} side-band-64k ofs-delta\n"
    request = f"{len(want) + 4:04x}{want}0000" + "0009done\n"
    answer = smart_http.upload_pack(path, io.BytesIO(request.encode()))
    next(answer)
    children = running_git()
    assert children
    answer.close()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_client_that_vanishes_in_a_push_changes_nothing(path, repo, first):
    class Vanishing(io.RawIOBase):
        def read(self, size=-1, /):
            if self.tell_once:
                self.tell_once = False
                return b"00a0" + b"x"
            raise ConnectionResetError

        tell_once = True

    with pytest.raises(GitError):
        list(smart_http.receive_pack(path, Vanishing(), check=print))
    assert not list((path / "objects").glob("tmp_objdir*"))
    assert reading.resolve(repo, "main") == first.oid


def test_gzip_is_unpacked_within_its_limit():
    packed = gzip.compress(bytes(1_000_000))
    body = smart_http.Gunzipped(io.BytesIO(packed), 1_000_000)
    assert sum(len(block) for block in iter(lambda: body.read(65536), b"")) == 1_000_000
    for data, limit in ((packed, 999_999), (packed[:-9], 10**9), (b"rubbish", 10**9), (b"", 10**9)):
        with pytest.raises(GitError):
            body = smart_http.Gunzipped(io.BytesIO(data), limit)
            while body.read(65536):
                pass


def test_unknown_service_is_refused(path):
    with pytest.raises(GitError):
        list(smart_http.advertise(path, "git-upload-archive"))


def test_pushes_at_once_lose_nothing(server, repo, tmp_path, first):
    clones = []
    for number in range(4):
        git("clone", "-q", server.url, tmp_path / f"c{number}")
        commit_file(tmp_path / f"c{number}", f"file{number}", b"1")
        clones.append(tmp_path / f"c{number}")
    running = [
        subprocess.Popen(
            ["git", "push", "-q", "origin", f"HEAD:refs/heads/b{number}", "HEAD:main"],
            cwd=clone,
            env=ENVIRONMENT,
            stderr=subprocess.DEVNULL,
        )
        for number, clone in enumerate(clones)
    ]
    codes = [process.wait() for process in running]
    moved = {move.ref: move.new for moves in server.moved for move in moves}
    assert moved == {ref.ref: ref.commit for ref in refs.branches(repo)}
    assert sum(1 for moves in server.moved for move in moves if move.ref == "refs/heads/main") == 1
    assert len(moved) == 5
    assert sorted(codes) == [0, 1, 1, 1]


def _receive_and_hang(path, request, told) -> None:
    def check(push):
        told.set()
        time.sleep(60)

    for _ in smart_http.receive_pack(path, io.BytesIO(request), check=check):
        pass


def test_server_that_dies_in_the_check_leaves_the_push_refused(path, repo, first, tmp_path):
    other = repositories.duplicate(path, tmp_path / "other.git")
    new = write_commit(other, "main", [AddBytes("x", os.urandom(50_000))], message="m", author=AUTHOR)
    command = f"{first.oid} {new.oid} refs/heads/main\0 report-status"
    pack = subprocess.run(
        ["git", "-C", other.path, "pack-objects", "--stdout", "--revs", "-q"],
        input=f"{new.oid}\n^{first.oid}\n".encode(),
        capture_output=True,
        check=True,
    ).stdout
    request = f"{len(command) + 4:04x}{command}0000".encode() + pack
    context = multiprocessing.get_context("fork")
    told = context.Event()
    server = context.Process(target=_receive_and_hang, args=(path, request, told))
    server.start()
    assert told.wait(30)
    orphans = psutil.Process(server.pid).children(recursive=True)
    server.kill()
    server.join()
    _, alive = psutil.wait_procs(orphans, timeout=30)
    assert alive == []
    assert reading.resolve(repo, "main") == first.oid
    maintenance.drop_leftovers(path, older_than=-1)
    assert not list((path / "objects").glob("tmp_objdir*"))
    # The same request, served to its end, is accepted.
    assert b"unpack ok" in b"".join(smart_http.receive_pack(path, io.BytesIO(request), check=lambda _: None))
    assert reading.resolve(repo, "main") == new.oid


def test_files_too_large_for_git_are_refused(server, clone, repo, first, monkeypatch):
    monkeypatch.setattr(pushes, "MAX_BLOB", 1000)
    server.rule = pushes.check_sizes
    commit_file(clone, "large.bin", bytes(1001))
    commit_file(clone, "large.bin", b"gone again")
    done = git("push", cwd=clone, check=False)
    assert "git lfs migrate" in done.stderr
    assert reading.resolve(repo, "main") == first.oid
