import os

import pytest

from compute import files
from compute.files import _moment, list_files, list_folder, open_inside


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "work"
    (root / "output" / "model").mkdir(parents=True)
    (root / "output" / "log.jsonl").write_text("{}\n")
    (root / "output" / "model" / "weights").write_bytes(b"12345")
    (root / "a.txt").write_text("a")
    (root / ".cache" / "huggingface").mkdir(parents=True)
    (root / ".cache" / "huggingface" / "token").write_text("hf_x")
    (root / "recipes").symlink_to(tmp_path)
    (root / "link").symlink_to(root / "a.txt")
    os.mkfifo(root / "pipe")
    (tmp_path / "secret").write_text("secret")
    return root


def names(listing):
    return [entry.path for entry in listing.entries]


def test_a_folder_is_listed_folders_first(root):
    listing = list_folder(root)
    assert names(listing) == ["output", "a.txt"]
    assert listing.is_whole
    assert [(entry.name, entry.is_folder) for entry in list_folder(root, "output").entries] == [
        ("model", True),
        ("log.jsonl", False),
    ]
    (weights,) = list_folder(root, "output/model/").entries
    assert (weights.path, weights.size) == ("output/model/weights", 5)


def test_all_files_are_listed_by_path(root):
    assert names(list_files(root)) == ["a.txt", "output/log.jsonl", "output/model/weights"]
    assert names(list_files(root, "output/model")) == ["output/model/weights"]
    assert list_files(root).is_whole


@pytest.mark.parametrize(
    "path", ["..", "../secret", "/etc", "recipes", "link", "pipe", "nothing", "a\0b", "a\rb", "x" * 999]
)
def test_lists_and_files_never_lead_elsewhere(root, path):
    assert list_folder(root, path) is None
    assert list_files(root, path) is None
    assert open_inside(root, path) is None


@pytest.mark.parametrize("path", ["", "output", ".cache/huggingface/token", "recipes/secret", "output/../a.txt"])
def test_only_regular_files_are_opened(root, path):
    assert open_inside(root, path) is None


@pytest.mark.parametrize("path", ["a.txt", "./a.txt", "output//log.jsonl"])
def test_a_file_is_opened(root, path):
    with open_inside(root, path) as file:
        assert file.read() in {b"a", b"{}\n"}


def test_a_job_without_a_folder_has_no_list(tmp_path):
    assert list_folder(tmp_path / "none") is None
    assert list_files(tmp_path / "none") is None


def test_names_that_no_address_carries_are_left_out(root):
    for name in (b"line\nbreak", b"caf\xe9", b"bell\x07"):
        (root / os.fsdecode(name)).touch()
    (root / "100 % ?#.txt").touch()
    (root / "图片.png").touch()
    assert names(list_folder(root)) == ["output", "100 % ?#.txt", "a.txt", "图片.png"]


@pytest.mark.parametrize("seconds", [1e30, -1e15, float("nan")])
def test_times_that_no_calendar_has_are_no_times(seconds):
    assert _moment(seconds) is None


def test_every_list_ends(root, monkeypatch):
    for number in range(40):
        (root / "output" / f"{number}").touch()
    assert len(list_folder(root, "output", most=10).entries) == 10
    assert not list_folder(root, "output", most=10).is_whole
    assert not list_files(root, most=10).is_whole
    assert len(list_files(root, most=10).entries) <= 10
    monkeypatch.setattr(files, "MOST_DEPTH", 1)
    deep = list_files(root)
    assert not deep.is_whole
    assert "output/model/weights" not in names(deep)


def test_links_count_among_what_is_looked_at(root):
    for number in range(60):
        (root / f"link-{number}").symlink_to("nowhere")
    listing = list_folder(root, most=10)
    assert not listing.is_whole
