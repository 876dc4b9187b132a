"""The folder of one job copied for another: what comes along, what stays behind, what is never shared."""

import os
import socket
import stat
from pathlib import Path

import pytest

from compute.backends.copying import BLOCK, MOST_DEPTH, CopyRefused, copy_folder

MIB = 2**20


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "old" / "work"
    (folder / "output" / "checkpoints").mkdir(parents=True)
    (folder / "output" / "checkpoints" / "state").write_bytes(b"x" * 5000)
    return folder


def nothing():
    """Nobody wants it ended."""


def copy(source, target, *, most=MIB, owner=None, pulse=nothing, before_rename=nothing, without=frozenset()):
    target.parent.mkdir(exist_ok=True)
    return copy_folder(
        source, target, owner=owner, most=most, pulse=pulse, before_rename=before_rename, without=without
    )


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "work"


def test_files_are_copied_and_never_shared(source, target):
    state = source / "output" / "checkpoints" / "state"
    os.link(state, source / "twin")
    state.chmod(0o4750)
    os.utime(state, (1_000_000, 2_000_000))
    copied = copy(source, target)
    found = (target / "output" / "checkpoints" / "state").stat()
    assert (copied.files, copied.left_out) == (2, 0)
    assert copied.size == 2 * 2 * BLOCK + 2 * BLOCK
    assert (stat.S_IMODE(found.st_mode), found.st_mtime, found.st_nlink) == (0o750, 2_000_000, 1)
    (target / "twin").write_bytes(b"changed")
    assert state.read_bytes() == b"x" * 5000


def test_links_are_copied_as_links(source, target, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("hidden")
    (source / "file").symlink_to(tmp_path / "secret" / "key")
    (source / "folder").symlink_to(tmp_path / "secret")
    (source / "nowhere").symlink_to("/no/such/place")
    assert copy(source, target).files == 1
    assert (target / "folder").is_symlink()
    assert (target / "file").readlink() == tmp_path / "secret" / "key"
    assert (target / "nowhere").readlink().name == "place"


def test_a_link_instead_of_the_folder_is_not_followed(source, target, tmp_path):
    (tmp_path / "link").symlink_to(source)
    with pytest.raises(OSError, match="link"):
        copy(tmp_path / "link", target)
    assert not target.exists()


def test_pipes_and_sockets_stay_behind_without_waiting(source, target):
    os.mkfifo(source / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    here = os.open(source, os.O_RDONLY)
    try:
        listener.bind(f"/proc/self/fd/{here}/socket")
        assert copy(source, target).left_out == 2
    finally:
        listener.close()
        os.close(here)
    assert sorted(path.name for path in target.iterdir()) == ["output"]


def test_what_is_left_out_at_the_top_is_copied_below(source, target):
    (source / ".cache").mkdir()
    (source / "output" / ".cache").mkdir()
    copy(source, target, without=frozenset({".cache"}))
    assert sorted(path.name for path in target.iterdir()) == ["output"]
    assert (target / "output" / ".cache").is_dir()


def test_names_that_are_no_text_come_along(source, target):
    (source / os.fsdecode(b"caf\xe9\n")).write_text("x")
    copy(source, target)
    assert (target / os.fsdecode(b"caf\xe9\n")).exists()


@pytest.mark.parametrize("kind", ["large", "sparse", "many", "links"])
def test_more_than_the_flavor_allows_is_refused(source, target, kind):
    if kind == "large":
        (source / "large").write_bytes(b"x" * (MIB + 1))
    elif kind == "sparse":
        with (source / "sparse").open("wb") as file:
            file.truncate(2**40)
    for number in range(300):
        if kind == "many":
            (source / f"empty-{number}").touch()
        elif kind == "links":
            (source / f"link-{number}").symlink_to("nowhere")
    with pytest.raises(CopyRefused, match="more than the 1 MiB"):
        copy(source, target)
    assert list(target.parent.iterdir()) == []


def test_a_pit_of_folders_has_a_bottom(source, target):
    deep = source
    for _level in range(MOST_DEPTH + 1):
        deep = deep / "d"
        deep.mkdir()
    with pytest.raises(CopyRefused, match="deep"):
        copy(source, target)
    assert list(target.parent.iterdir()) == []


class Killed(Exception):
    pass


def test_who_ends_it_leaves_nothing(source, target):
    def end():
        raise Killed

    for moment in ("pulse", "before_rename"):
        with pytest.raises(Killed):
            copy(source, target, **{moment: end})
        assert list(target.parent.iterdir()) == []


def test_what_a_killed_worker_left_is_begun_anew(source, target):
    leftover = target.with_name("work.unfinished")
    leftover.mkdir(parents=True)
    (leftover / "half").write_text("torn")
    copy(source, target)
    assert not leftover.exists()
    assert not (target / "half").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_everything_belongs_to_the_new_jobs_user(source, target):
    (source / "link").symlink_to("/etc/hostname")
    os.chown(source / "output", 1_600_001, 1_600_001)
    copy(source, target, owner=1_600_002)
    owners = {path.lstat().st_uid for path in target.rglob("*")}
    assert owners == {1_600_002}
    assert Path("/etc/hostname").stat().st_uid == 0


def test_a_folder_is_of_use_to_its_job_and_locked_files_are_left_out(source, target):
    locked = source / "locked"
    locked.mkdir(mode=0o500)
    (source / "closed").touch(mode=0o000)
    copied = copy(source, target)
    assert stat.S_IMODE((target / "locked").stat().st_mode) & 0o700 == 0o700
    assert copied.left_out == (0 if os.geteuid() == 0 else 1)
