import os
import subprocess

import pytest

from hub.algorithms.initial_files import gitattributes
from hub.algorithms.patterns import ignore_rules, is_ignored, is_lfs, lfs_rules

PATHS = [
    "a.bin",
    "d/a.bin",
    "d/e/a.bin",
    "d/x.txt",
    "x.txt",
    "keep.bin",
    "d/keep.bin",
    "deep/a/b/c.dat",
    "a b.txt",
    "[x].txt",
]
ATTRIBUTES = [
    "*.bin filter=lfs",
    "/*.bin filter=lfs\nkeep.bin -filter",
    "d/* filter=lfs",
    "d/** filter=lfs",
    "**/a.bin filter=lfs",
    "deep/**/c.dat filter=lfs",
    "*.[bt][ix][nt] filter=lfs\n*.txt !filter",
    "?.txt filter=lfs",
]
IGNORES = [
    "*.bin\n!keep.bin",
    "d/",
    "/x.txt",
    "d/*\n!d/x.txt",
    "deep/**/c.dat",
    "# note\n\n\\#x",
    "e",
    "*\n!*/\n!*.txt",
]


@pytest.fixture
def work(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    return tmp_path


def git(work, *arguments):
    environment = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *arguments], cwd=work, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def test_attributes_match_as_git_matches_them(work):
    for text in ATTRIBUTES:
        (work / ".gitattributes").write_text(text + "\n")
        said = git(work, "check-attr", "-z", "filter", "--", *PATHS).split("\0")
        expected = {said[at]: said[at + 2] == "lfs" for at in range(0, len(said) - 2, 3)}
        rules = lfs_rules(text)
        assert {path: is_lfs(path, rules) for path in PATHS} == expected, text


def test_ignores_match_as_git_matches_them(work):
    for text in IGNORES:
        (work / ".gitignore").write_text(text + "\n")
        said = set(git(work, "-c", "core.quotePath=false", "check-ignore", "--no-index", "--", *PATHS).splitlines())
        rules = ignore_rules(text)
        assert {path for path in PATHS if is_ignored(path, rules)} == said, text


def test_a_new_repository_knows_weights_and_data():
    rules = lfs_rules(gitattributes("model").decode())

    assert all(is_lfs(path, rules) for path in ("a.safetensors", "x/y.bin", "z.parquet", "saved_model/a/b", "m.pkl"))
    assert not any(is_lfs(path, rules) for path in ("README.md", "config.json", "a.txt", "p.png"))
    assert is_lfs("p.png", lfs_rules(gitattributes("dataset").decode()))
