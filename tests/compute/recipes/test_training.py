"""The recipe as a program: it learns, survives a kill to the bit, and hands over a stock pipeline."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from diffusers import DiffusionPipeline, StableDiffusion3Pipeline
from huggingface_hub import ModelCard
from safetensors.torch import load_file

from compute.recipes.data.facts import look_up
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.data.pictures import load_pictures
from compute.recipes.hub import publish
from compute.recipes.refusal import Refused
from compute.recipes.shapes.parquet import write_parquet
from compute.recipes.text_to_image.__main__ import main
from compute.recipes.text_to_image.config import SquaresConfig
from compute.recipes.text_to_image.program import run
from tests.compute.recipes.started import killed_at_checkpoint

WEIGHTS = ("transformer/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors")


def _events(folder, kind):
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] == kind]


def _start(config_file, *settings):
    command = [sys.executable, "-m", "compute.recipes.text_to_image", "--config", str(config_file)]
    for setting in settings:
        command += ["--set", setting]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_loss_falls(tiny):
    config = tiny(training={"steps": 80, "accumulate": 1, "batch": 8, "log_every": 10, "checkpoint_every": 80})
    run(config)
    losses = [event["loss"] for event in _events(config.folder, "step")]
    assert losses[-1] < 0.8 * losses[0]


def test_killed_run_resumes_to_the_same_bits(tiny, tiny_file, tmp_path):
    whole = run(tiny(output=str(tmp_path / "whole")))

    killed_at_checkpoint("text_to_image", tiny_file, step=8)
    resumed = run(tiny())

    (resume,) = _events(resumed.parent, "resume")
    assert 8 <= resume["step"] < 24
    for name in WEIGHTS:
        ours, theirs = load_file(whole / name), load_file(resumed / name)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_sigterm_leaves_a_checkpoint_of_the_last_step(tiny_file, tmp_path):
    asked = _start(tiny_file, "training.steps=100000", "training.checkpoint_every=100000", "training.log_every=1")
    assert json.loads(asked.stdout.readline())["event"] == "start"
    assert json.loads(asked.stdout.readline())["event"] == "metric"
    assert json.loads(asked.stdout.readline())["event"] == "step"
    asked.terminate()
    error = asked.communicate(timeout=60)[1]
    assert asked.returncode == 143, error
    (checkpoint,) = _events(tmp_path / "output", "checkpoint")
    assert checkpoint["step"] == _events(tmp_path / "output", "step")[-1]["step"]
    assert "goes on from the checkpoint" in error


def test_time_limit_ends_training_over_all_attempts(tiny):
    config = tiny(training={"steps": 1_000_000, "max_seconds": 0.5, "log_every": 1})
    run(config)
    rates = [event["lr"] for event in _events(config.folder, "step")]
    assert rates[-1] < 0.1 * max(rates)
    finished = _events(config.folder, "done")[0]
    run(config)
    assert _events(config.folder, "done")[1]["step"] == finished["step"]


def test_finished_model_is_a_stock_pipeline_with_card_and_lineage(tiny, monkeypatch):
    monkeypatch.setenv("JOB_ID", "job-7")
    config = tiny(training={"steps": 4}, evaluation={"checker": "shapes", "prompts": 3}, validation={"every": 2})
    folder = run(config)

    pipeline = DiffusionPipeline.from_pretrained(folder)
    assert type(pipeline) is StableDiffusion3Pipeline
    pipeline.set_progress_bar_config(disable=True)
    picture = pipeline("a red circle on a white background", num_inference_steps=1).images[0]
    assert picture.size == (32, 32)

    card = ModelCard.load(folder / "README.md")
    assert (card.data.license, card.data.pipeline_tag, card.data.library_name) == (
        "apache-2.0",
        "text-to-image",
        "diffusers",
    )
    assert [result.metric_type for result in card.data.eval_results] == [
        "validation_loss",
        "shape_accuracy",
        "colour_accuracy",
        "prompt_accuracy",
        "background_accuracy",
    ]
    assert "- maker: data-curation" in card.text
    assert _events(config.folder, "start")[0]["revision"] in card.text
    assert "![Pictures drawn by this model](samples.png)" in card.text
    assert config.dataset.path not in card.content

    lineage = json.loads((folder / "wellspring.json").read_text())
    assert lineage["recipe"] == "text_to_image"
    assert lineage["job"] == "job-7"
    assert lineage["credits"] == [{"user": "maker", "roles": ["data-curation"], "points": 1}]
    assert lineage["sampling"] == {"num_inference_steps": 2, "guidance_scale": 2.0}
    assert set(lineage["metrics"]) >= {"loss", "prompt_accuracy"}

    weights = {path.suffix for path in folder.rglob("*") if path.stat().st_size > 100_000}
    assert weights == {".safetensors"}
    samples = _events(config.folder, "sample")
    assert [event["step"] for event in samples] == [2, 4, 4], "the last is that of the card"
    assert all(len(event["prompts"]) == 2 for event in samples)
    measured = [e["step"] for e in _events(config.folder, "metric") if e["name"] == "validation_loss"]
    assert measured == [0, 2, 4, 4]
    assert (config.folder / "samples" / "step-00000002.png").exists()


def test_what_is_measured_and_drawn_on_the_way_changes_no_weight(tiny, tmp_path):
    often = run(tiny(output=str(tmp_path / "often"), training={"steps": 6}, validation={"every": 1}))
    never = run(tiny(output=str(tmp_path / "never"), training={"steps": 6}))
    for name in WEIGHTS:
        ours, theirs = load_file(often / name), load_file(never / name)
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_training_starts_from_a_base_model(tiny, tmp_path):
    base = run(tiny(training={"steps": 4}, output=str(tmp_path / "base")))
    tuned = run(tiny(training={"steps": 1, "learning_rate": 0.0, "muon_learning_rate": 0.0}, base={"id": str(base)}))
    for name in WEIGHTS:
        before, after = load_file(base / name), load_file(tuned / name)
        assert all(torch.equal(before[key], after[key]) for key in before)


def test_forbidden_data_is_refused_before_training(tiny_file, shapes_folder, tmp_path, capsys):
    forbidden = tmp_path / "forbidden"
    shutil.copytree(shapes_folder, forbidden)
    (forbidden / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    code = main(["--config", str(tiny_file), "--set", f"dataset.path={forbidden}"])
    out, error = capsys.readouterr()
    assert (code, out) == (2, "")
    assert "Refused: The data set local/forbidden is under cc-by-nc-4.0, which forbids commercial use" in error


def test_changed_folder_is_read_anew(tmp_path):
    config = SquaresConfig(path=str(tmp_path / "shapes"))
    write_parquet(tmp_path / "shapes", train=60, test=12, seed=1)
    (first,) = load_pictures(config, look_up(config), LeftOut(), tmp_path / "cache").buckets
    write_parquet(tmp_path / "shapes", train=60, test=12, seed=2)
    (second,) = load_pictures(config, look_up(config), LeftOut(), tmp_path / "cache").buckets
    assert not torch.equal(first.pixels, second.pixels)
    assert first.captions != second.captions


def test_shipped_configuration_is_found_by_its_name(tmp_path, capsys):
    code = main(["--config", "shapes-cpu", "--set", f"output={tmp_path}", "--set", f"dataset.path={tmp_path}"])
    assert code == 2
    assert "holds no data" in capsys.readouterr().err


def test_hub_that_does_not_answer_is_told(tiny, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    on_the_hub = {"id": "lab/shapes", "path": ""}
    with pytest.raises(Refused, match=r"The data set lab/shapes at main cannot be read.*Check 'dataset.id'"):
        run(tiny(dataset=on_the_hub))
    with pytest.raises(Refused, match=r"lab/tiny cannot be read"):
        run(tiny(publish={"repo_id": "lab/tiny"}, training={"steps": 1}))
    assert '"event": "step"' not in capsys.readouterr().out, "nothing was trained that could not be pushed"
    model = run(tiny(training={"steps": 1}))
    with pytest.raises(Refused, match=r"pushed to lab/tiny.*pushes it without training again"):
        publish(model, "lab/tiny", private=False, message="Add it")


def test_data_that_cannot_be_read_is_refused(tiny, tmp_path):
    with pytest.raises(Refused, match="holds no data"):
        run(tiny(dataset={"path": str(tmp_path)}))
    with pytest.raises(Refused, match="has no column 'text', only image, caption"):
        run(tiny(dataset={"caption_column": "text"}))
