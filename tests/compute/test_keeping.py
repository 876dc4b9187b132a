import json
import os

import pytest
from tensorboardX import SummaryWriter

from compute import keeping
from compute.journal import JobFolder, Journal
from compute.keeping import keep_what_is_shown, remove
from compute.progress import progress_of, read_sample

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


@pytest.fixture
def folder(tmp_path):
    """A job that showed three pictures, one of them through a link, and wrote a curve for TensorBoard alone."""
    folder = JobFolder(tmp_path, "a" * 24)
    journal = Journal(folder)
    for path in ("output/0.png", "/job/output/1.png", "output/link.png", "../outside.png"):
        journal.feed(json.dumps({"event": "sample", "step": 1, "path": path}).encode() + b"\n")
    journal.close()
    (folder.work / "output" / "tensorboard").mkdir(parents=True)
    for number in (0, 1):
        (folder.work / "output" / f"{number}.png").write_bytes(PNG + bytes([number]))
    (folder.path / "outside.png").write_bytes(PNG)
    (folder.work / "output" / "link.png").symlink_to(folder.path / "outside.png")
    (folder.work / "output" / "weights.safetensors").write_bytes(b"0" * 100)
    with SummaryWriter(str(folder.work / "output" / "tensorboard")) as writer:
        for step in (1, 2):
            writer.add_scalar("own", 1 / step, step)
    return folder


def files_in(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def curve_in(folder):
    (path,) = (folder.work / "output" / "tensorboard").iterdir()
    return path


def test_what_the_page_shows_is_kept_and_nothing_else(folder):
    before = progress_of(folder)
    keep_what_is_shown(folder)
    assert files_in(folder.shown) == ["output/0.png", "output/1.png", f"output/tensorboard/{curve_in(folder).name}"]
    remove(folder.work)
    after = progress_of(folder)
    assert [name for name, _chart in after.curves] == ["own"]
    assert after == before
    assert read_sample(folder, 1) == (PNG + b"\1", "image/png")
    assert read_sample(folder, 2) is None
    assert read_sample(folder, 3) is None


def test_it_is_made_once_and_whole(folder):
    unfinished = folder.path / "shown.unfinished"
    unfinished.mkdir()
    (unfinished / "half").touch()
    keep_what_is_shown(folder)
    kept = files_in(folder.shown)
    assert "half" not in kept
    assert not unfinished.exists()
    (folder.work / "output" / "0.png").write_bytes(PNG + b"later")
    keep_what_is_shown(folder)
    assert read_sample(folder, 0) == (PNG + b"later", "image/png")  # the folder itself, as long as it is there
    remove(folder.work)
    assert read_sample(folder, 0) == (PNG + b"\0", "image/png")


def test_the_newest_samples_are_kept_where_there_are_too_many(folder, monkeypatch):
    monkeypatch.setattr(keeping, "MOST_SHOWN", curve_in(folder).stat().st_size + len(PNG) + 1)
    keep_what_is_shown(folder)
    assert files_in(folder.shown) == ["output/1.png", f"output/tensorboard/{curve_in(folder).name}"]


def test_a_job_without_a_folder_leaves_none(tmp_path):
    folder = JobFolder(tmp_path, "b" * 24)
    keep_what_is_shown(folder)
    assert not folder.shown.exists()


def test_pits_and_links_are_removed_without_following_them(tmp_path):
    root = tmp_path / "work"
    root.mkdir()
    (tmp_path / "mine").write_text("mine")
    (root / "link").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    here = os.open(root, os.O_RDONLY)
    for _depth in range(3000):  # deeper than Python recurses, and than a path can name
        os.mkdir("d", dir_fd=here)
        before, here = here, os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(before)
    os.close(here)
    remove(root)
    assert not root.exists()
    assert (tmp_path / "mine").read_text() == "mine"
    remove(root)  # again, nothing happens


def test_what_stays_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    (tmp_path / "work").mkdir()
    with pytest.raises(OSError):
        remove(tmp_path / "work")
