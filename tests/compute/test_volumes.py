"""The program between a job and its volumes, without a hub: what it looks at, keeps and says."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from compute import volumes
from compute.volumes import Volume, bring, give_back, look, run


@pytest.fixture
def volume(tmp_path, monkeypatch):
    """One of a bucket that holds two files; what would be written to it is noted in `written`."""
    folder = tmp_path / "volumes" / "0"
    for name in (volumes.RAW, volumes.TREE):
        (folder / name).mkdir(parents=True)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    volume = Volume("bucket", "ada/runs", "/runs", folder, read_only=False)

    def sync(_client, source, target, **_options):
        assert source == "hf://buckets/ada/runs"
        for name in ("a", "b"):
            Path(target, name).write_text(name)

    monkeypatch.setattr(HfApi, "sync_bucket", sync)
    bring(volume)
    return volume


@pytest.fixture
def written(monkeypatch):
    """What the stock client would be asked to write, by its paths in the bucket."""
    calls = []

    def batch(_client, bucket, *, add, delete):
        assert bucket == "ada/runs"
        assert all(source.is_file() for source, _path in add)
        calls.append((sorted(path for _source, path in add), sorted(delete)))

    monkeypatch.setattr(HfApi, "batch_bucket_files", batch)
    return calls


def test_only_what_changed_is_given_back_once(volume, written):
    assert give_back(volume)
    (volume.tree / "a").write_text("other")
    (volume.tree / "b").unlink()
    (volume.tree / "deep").mkdir()
    (volume.tree / "deep" / "c").write_text("c")
    (volume.tree / "link").symlink_to("/etc/passwd")
    os.mkfifo(volume.tree / "pipe")
    assert give_back(volume)
    assert give_back(volume)
    assert written == [(["a", "deep/c"], ["b"])]


def test_a_file_that_is_being_written_waits_for_the_next_look(volume, written):
    (volume.tree / "new").write_text("half")
    assert give_back(volume, before=time.time() - 5)
    assert written == []
    os.utime(volume.tree / "new", (1, 1))
    assert give_back(volume, before=time.time() - 5)
    assert written == [(["new"], [])]


def test_the_next_attempt_goes_on_with_what_the_one_before_left(volume, written, capsys):
    (volume.tree / "a").unlink()
    again = Volume("bucket", "ada/runs", "/runs", volume.folder, read_only=False)
    bring(again)
    assert sorted(look(again.tree)) == ["b"]
    assert give_back(again)
    assert written == [([], ["a"])]
    assert capsys.readouterr().out == ""  # it says what it brings, and brought nothing


def test_what_cannot_be_given_back_is_kept_and_told(volume, monkeypatch, capsys, tmp_path):
    def fails(*arguments, **options):
        raise OSError("the hub is away")

    monkeypatch.setattr(HfApi, "batch_bucket_files", fails)
    command = [sys.executable, "-c", f"open({str(volume.tree / 'model')!r}, 'w').write('whole')"]
    assert run(command, [volume]) == 1
    assert (tmp_path / "work" / volumes.UNSAVED / "runs" / "model").read_text() == "whole"
    said = capsys.readouterr().out
    assert "could not be written to the bucket ada/runs: the hub is away" in said
    assert "kept in the job's folder, in not-given-back/runs" in said


@pytest.mark.parametrize(
    ("script", "code"),
    [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137), ("pass", 0)],
)
def test_the_code_is_that_of_the_command(volume, written, script, code):
    assert run([sys.executable, "-c", script], [volume]) == code


def test_what_cannot_be_started_is_named(volume, written, tmp_path, capsys):
    assert run(["nonesuch"], []) == 127
    (tmp_path / "text").write_text("no program")
    assert run([str(tmp_path / "text")], []) == 126
    assert "nonesuch: there is no such program in this image" in capsys.readouterr().out


def test_it_looks_at_buckets_while_the_command_runs(volume, written, monkeypatch):
    monkeypatch.setattr(volumes, "EVERY", 0.2)
    monkeypatch.setattr(volumes, "SETTLED", -1.0)
    script = f"import time; open({str(volume.tree / 'one')!r}, 'w').close(); time.sleep(1)"
    run([sys.executable, "-c", script], [volume])
    assert written == [(["one"], [])]


def test_asked_to_end_it_waits_for_the_command(tmp_path):
    """As a program of its own, for it takes over signals."""
    folder = tmp_path / "0"
    for name in (volumes.RAW, volumes.TREE):
        (folder / name).mkdir(parents=True)
    (folder / volumes.RAW / "seen.json").write_text("{}")
    plan = [{"type": "dataset", "source": "ada/x", "mount": str(tmp_path / "data"), "folder": str(folder)}]
    script = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(5)); print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "compute.volumes", sys.executable, "-c", script],
        env=os.environ | {volumes.VARIABLE: json.dumps(plan)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as program:
        assert program.stdout.readline() == b"up\n"
        os.killpg(program.pid, signal.SIGTERM)
        assert program.wait(20) == 5


def test_words_lead_to_the_folder_where_nothing_is_mounted(tmp_path):
    volume = Volume("bucket", "ada/runs", "/runs-of-a-test", tmp_path)
    there = Volume("bucket", "ada/runs", "/usr", tmp_path)
    found = [volumes._found(word, [volume, there]) for word in ("/runs-of-a-test/a", "/runs-of-a-testing", "/usr/bin")]
    assert found == [str(tmp_path / "tree/a"), "/runs-of-a-testing", "/usr/bin"]
