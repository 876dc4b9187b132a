import json
import os

import pytest
from tensorboardX import SummaryWriter

from compute.journal import JobFolder
from compute.progress import progress_of, read_sample

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


@pytest.fixture
def folder(tmp_path):
    folder = JobFolder(tmp_path / "jobs", "b" * 24)
    folder.create()
    (folder.work / "output" / "samples").mkdir(parents=True)
    return folder


def say(folder, *events):
    with folder.events.open("a") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)


def test_a_resumed_run_counts_each_step_once(folder):
    say(folder, *({"event": "step", "step": n, "loss": 1.0} for n in range(5)))
    say(folder, *({"event": "step", "step": n, "loss": 0.5, "lr": 0.1} for n in range(3, 8)))
    progress = progress_of(folder)
    assert progress.loss.count == 8
    assert (progress.step, progress.loss.last, progress.learning_rate) == (7, 0.5, 0.1)


def test_every_number_over_steps_is_a_curve(folder):
    say(folder, *({"event": "step", "step": n, "loss": 1.0, "lr": n / 8, "of": 9, "note": "x"} for n in range(3)))
    say(folder, *({"event": "metric", "step": n, "name": "psnr", "value": n + 0.5} for n in (0, 2)))
    with SummaryWriter(str(folder.work / "runs" / "one")) as writer:
        for step in range(4):
            writer.add_scalar("training/lr", 7.0, step)  # told by the events already
            writer.add_scalar("eval/accuracy", step / 2, step)
    (folder.work / "elsewhere").symlink_to(folder.work.parent)
    os.mkfifo(folder.work / "pipe.tfevents.1")
    progress = progress_of(folder)
    assert progress.metrics == [("psnr", 2.5)]
    assert {name: (drawn.count, drawn.last) for name, drawn in progress.curves} == {
        "lr": (3, 0.25),
        "psnr": (2, 2.5),
        "eval/accuracy": (4, 1.5),
    }


def test_nonsense_from_a_job_does_no_harm(folder):
    say(
        folder,
        {"event": "step"},
        {"event_name": 1, "step": 1},
        {"event": "step", "step": "x"},
        {"event": "step", "step": 1, "loss": "NaN"},
        {"event": "step", "step": 2, "loss": float("nan")},
        {"event": "sample", "path": 5},
        {"event": "sample", "path": "x.png", "prompts": 7},
        {"event": "metric"},
        {"event": ["x"]},
    )
    progress = progress_of(folder)
    assert progress.loss is None
    assert [sample.path for sample in progress.samples] == ["x.png"]


def test_an_empty_job_has_an_empty_page(tmp_path):
    progress = progress_of(JobFolder(tmp_path, "c" * 24))
    assert (progress.loss, progress.samples, progress.log) == (None, [], [])


@pytest.mark.parametrize("path", ["output/samples/a.png", "/job/output/samples/a.png", "./output/samples/a.png"])
def test_a_sample_is_read(folder, path):
    (folder.work / "output/samples/a.png").write_bytes(PNG)
    say(folder, {"event": "sample", "step": 1, "path": path, "prompts": ["a red circle"]})
    assert read_sample(folder, 0) == (PNG, "image/png")
    assert read_sample(folder, 1) is None


def test_a_sound_is_read_and_told_from_pictures(folder):
    wav = b"RIFF\x00\x00\x00\x00WAVE"
    (folder.work / "output/samples/a.wav").write_bytes(wav)
    (folder.work / "output/samples/b.wav").write_bytes(b"<script>")
    say(
        folder,
        *({"event": "sample", "step": 1, "path": f"output/samples/{name}"} for name in ("a.wav", "b.wav", "a.png")),
    )
    assert read_sample(folder, 0) == (wav, "audio/wav")
    assert read_sample(folder, 1) is None
    assert [sample.is_sound for sample in progress_of(folder).samples] == [True, True, False]


@pytest.mark.parametrize("path", ["../log.jsonl", "link.png", "linked/a.png", "/etc/hostname", "pipe", "", "text.png"])
def test_a_sample_never_leads_elsewhere(folder, path, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.png").write_bytes(PNG)
    (folder.work / "link.png").symlink_to(tmp_path / "outside" / "a.png")
    (folder.work / "linked").symlink_to(tmp_path / "outside")
    (folder.work / "text.png").write_text("<script>")
    os.mkfifo(folder.work / "pipe")
    say(folder, {"event": "sample", "step": 1, "path": path})
    assert read_sample(folder, 0) is None


def test_what_no_file_and_no_number_can_be_is_left_out(tmp_path):
    folder = JobFolder(tmp_path / "jobs", "a" * 24)
    folder.create()
    folder.work.mkdir()
    huge = "1" + "0" * 400
    lines = [
        '{"event": "sample", "path": "a\\u0000b", "step": 1}',
        '{"event": "sample", "path": "\\ud800", "step": 1}',
        f'{{"event": "metric", "name": "fid", "value": {huge}}}',
    ]
    folder.events.write_text("\n".join(lines) + "\n")
    assert read_sample(folder, 0) is None
    assert read_sample(folder, 1) is None
    assert [name for name, _value in progress_of(folder).metrics] == ["fid"]


def test_what_is_left_follows_from_what_went(folder):
    assert progress_of(folder).seconds_left is None
    say(folder, {"event": "step", "step": 10, "of": 50, "loss": 1.0, "seconds": 5.0})
    assert progress_of(folder).seconds_left is None, "of one step nothing is known"
    say(folder, {"event": "step", "step": 20, "of": 50, "loss": 1.0, "seconds": 7.0})
    progress = progress_of(folder)
    assert (progress.step, progress.steps, progress.seconds_left) == (20, 50, 6)
    for of, seconds in ((None, 9.0), ("many", 9.0), (50, 1e99), (50, None), (10, 9.0)):
        say(folder, {"event": "step", "step": 30, "of": of, "seconds": seconds})
        assert progress_of(folder).seconds_left in {None, 0}


def test_only_what_can_be_a_repository_and_a_commit_is_told_as_published(folder):
    commit = "c" * 40
    for name, at in (("ada/model", commit), ("ada/model", commit), ("//evil.org/x", commit), ("ada/model", "main")):
        say(folder, {"event": "published", "repo_id": name, "commit": at})
    say(folder, {"event": "published"})
    assert progress_of(folder).published == [("ada/model", commit)]


def test_notes_are_told_once_and_bounded(folder):
    notes = [{"event": "note", "text": text} for text in ("a", "b", "a", "x" * 9999)]
    say(
        folder,
        *notes,
        {"event": "note", "text": 3},
        {"event": "note"},
        *({"event": "note", "text": f"{n}"} for n in range(20)),
    )
    told = progress_of(folder).notes
    assert told[:2] == ["a", "b"]
    assert len(told[2]) == 500
    assert len(told) == 8
