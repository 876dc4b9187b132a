"""Distillation: students learn, resume to the same bits, and stock pipelines draw with them in a few steps."""

import json

import numpy as np
import pytest
import torch
import yaml
from diffusers import DDIMScheduler, DiffusionPipeline, StableDiffusion3Pipeline, StableDiffusionPipeline
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from torch import nn

from compute.recipes.configuration import as_plain
from compute.recipes.distillation.config import Config, ModelConfig, TrainingConfig
from compute.recipes.distillation.flow import student_scheduler, student_times
from compute.recipes.distillation.heads import Heads
from compute.recipes.distillation.program import run
from compute.recipes.distillation.times import drawn_places
from compute.recipes.refusal import Refused
from tests.compute.recipes.small import configured, drawn, events, metric
from tests.compute.recipes.started import killed_at_checkpoint, two_processes

TEACHER = "tests/fixtures/shapes-tiny"
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
TRAINING = {"steps": 6, "batch": 4, "learning_rate": 2e-4, "first_times": 0.2, "checkpoint_every": 2, "log_every": 1}
HELD = {"distillation_weight": 1.0, "paired_weight": 1.0}
DATA = {"caption_column": "caption", "most": 16, "most_test": 8}
SAMPLING = {"steps": 2, "guidance": 1.0, "checked": 4, "checker": "shapes"}


def _distilled(data, output, *, teacher=TEACHER, training=(), model=(), **more):
    sections = {
        "teacher": {"id": str(teacher)},
        "teaching": {"pictures": 8, "steps": 2},
        "model": {"head_width": 8, "steps": 2, "feature_steps": 2, **dict(model)},
        "training": {**TRAINING, **dict(training)},
        "dataset": DATA,
        "sampling": SAMPLING,
        "validation": {"pictures": 2},
    }
    return configured(Config, data, output, **sections | more)


def _same_weights(one, other, **tolerance):
    ours, theirs = load_file(one / WEIGHTS), load_file(other / WEIGHTS)
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, **(tolerance or {"atol": 0, "rtol": 0}))


@pytest.fixture(scope="module")
def ladd(shapes_folder, tmp_path_factory):
    """A finished student and its configuration."""
    config = _distilled(shapes_folder, tmp_path_factory.mktemp("ladd") / "whole", training=HELD)
    return run(config), config


def test_a_student_is_a_stock_pipeline_whose_card_says_how_to_draw(ladd):
    folder, config = ladd
    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert type(pipeline) is StableDiffusion3Pipeline
    options = {"num_inference_steps": 2, "guidance_scale": 1.0}
    again = StableDiffusion3Pipeline.from_pretrained(folder)
    assert np.array_equal(*(drawn(each, "a red circle", **options) for each in (pipeline, again)))
    assert pipeline.scheduler.sigmas.tolist() == pytest.approx([1.0, 0.25, 0.0], abs=1e-5), "it walks the taught times"

    card = ModelCard.load(folder / "README.md")
    assert card.data.inference == {"parameters": {"num_inference_steps": 2, "guidance_scale": 1.0}}
    assert {result.metric_type for result in card.data.eval_results} >= {"kernel_distance", "prompt_accuracy"}
    assert "on 8 pictures that the teacher drew" in card.text
    table = [line for line in card.text.splitlines() if line.startswith(("| teacher", "| student"))]
    assert len(table) == 2 + 3 + 3
    assert str(config.dataset.path) not in card.content
    lineage = json.loads((folder / "wellspring.json").read_text())
    assert lineage["recipe"] == "distillation"
    assert "right_student_1_steps_guidance_1" in lineage["metrics"]
    assert lineage["base_models"] == [], "a folder is nobody's repository"


def test_both_players_learn(ladd):
    folder, config = ladd
    steps = events(config.folder, "step")
    assert {"adversarial", "distillation", "paired", "loss_2"} <= steps[0].keys()
    ours, theirs = load_file(folder / WEIGHTS), load_file(f"{TEACHER}/{WEIGHTS}")
    assert any(not torch.equal(ours[name].float(), theirs[name].float()) for name in ours)
    encoder = "text_encoder/model.safetensors"
    ours, theirs = load_file(folder / encoder), load_file(f"{TEACHER}/{encoder}")
    assert all(torch.equal(ours[name], theirs[name].float()) for name in ours), "words mean what they meant"
    assert len(list((config.folder / "cache").glob("taught-*"))) == 2, "to learn from, and to be compared with"


def test_a_killed_student_resumes_to_the_same_bits(ladd, shapes_folder, tmp_path):
    whole, _ = ladd
    again = _distilled(shapes_folder, tmp_path / "killed", training=HELD)
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump(as_plain(again)))
    killed_at_checkpoint("distillation", file)
    resumed = run(again)
    assert 2 <= events(again.folder, "resume")[0]["step"] <= 6
    _same_weights(resumed, whole)
    with pytest.raises(Refused, match=r"another configuration or data set: .+; teaching.pictures is 9 and was 8"):
        run(_distilled(shapes_folder, tmp_path / "killed", teaching={"pictures": 9, "steps": 2}))


def test_two_processes_distil_as_one_that_gathers_two_batches(shapes_folder, tmp_path):
    steps = {"steps": 3, "checkpoint_every": 3}
    alone = run(_distilled(shapes_folder, tmp_path / "alone", training={**steps, "accumulate": 2}))
    pair = _distilled(shapes_folder, tmp_path / "pair", training=steps)
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump(as_plain(pair)))
    assert [event["event"] for event in two_processes("distillation", file)].count("done") == 1
    _same_weights(pair.folder / "model", alone, atol=1e-4, rtol=1e-3)


def test_a_student_of_a_teacher_on_latents(on_latents, shapes_folder, tmp_path):
    config = _distilled(shapes_folder, tmp_path, teacher=on_latents, training={"steps": 3})
    folder = run(config)
    assert {"adversarial", "loss_2"} <= events(config.folder, "step")[-1].keys()
    absent = {"text_encoder_3": None, "tokenizer_3": None}
    student = StableDiffusion3Pipeline.from_pretrained(folder, **absent)
    options = {"num_inference_steps": 2, "guidance_scale": 1.0}
    assert drawn(student, "a red circle", **options).shape == (32, 32, 3)
    ours, theirs = load_file(folder / WEIGHTS), load_file(f"{on_latents}/{WEIGHTS}")
    assert any(not torch.equal(ours[name], theirs[name]) for name in ours)
    assert "text_encoder_3=None, tokenizer_3=None" in (folder / "README.md").read_text()


def test_add_of_stable_diffusion(stable, shapes_folder, tmp_path):
    config = _distilled(
        shapes_folder, tmp_path, teacher=stable, model={"kind": "add"}, training={"distillation_weight": 1.0}
    )
    folder = run(config)
    assert {"adversarial", "distillation", "loss_2"} <= events(config.folder, "step")[0].keys()
    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert type(pipeline) is StableDiffusionPipeline
    assert type(pipeline.scheduler) is DDIMScheduler
    pipeline.scheduler.set_timesteps(4)
    assert pipeline.scheduler.timesteps.tolist() == [999, 749, 499, 249]
    options = {"num_inference_steps": 1, "guidance_scale": 1.0, "height": 32, "width": 32}
    first, second = (drawn(pipeline, "a red circle", **options) for _ in range(2))
    assert np.array_equal(first, second)
    assert "Draws in 2 steps without guidance" in (folder / "README.md").read_text()


def test_held_to_the_teacher_alone_the_student_comes_nearer(stable, shapes_folder, tmp_path):
    alone = {"steps": 30, "adversarial_weight": 0.0, "distillation_weight": 1.0, "learning_rate": 1e-3}
    config = _distilled(
        shapes_folder,
        tmp_path,
        teacher=stable,
        model={"kind": "add"},
        training=alone,
        sampling=SAMPLING | {"checker": ""},
    )
    run(config)
    losses = [event["loss"] for event in events(config.folder, "step")]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert metric(config.folder, "kernel_distance")


def test_students_times_are_those_their_scheduler_walks():
    config = ModelConfig(steps=4, shift=1.0, last_time=0.25)
    assert student_times(config).tolist() == pytest.approx([1.0, 0.75, 0.5, 0.25])
    one = student_scheduler(config, steps=1)
    one.set_timesteps(1)
    assert one.sigmas.tolist() == [1.0, 0.0]


def test_pure_noise_comes_alone_at_first_and_most_often_after():
    config = TrainingConfig(first_times=0.1, whole_noise=0.5)
    random = torch.Generator().manual_seed(0)
    assert drawn_places(64, 4, 0.05, config, random).tolist() == [0] * 64
    counts = torch.bincount(drawn_places(8000, 4, 0.5, config, random), minlength=4) / 8000
    assert counts.tolist() == pytest.approx([0.625, 0.125, 0.125, 0.125], abs=0.02)


def test_heads_learn_to_tell_right_pictures_of_something_else():
    torch.manual_seed(0)
    heads = Heads([4], 2, 8)
    optimizer = torch.optim.Adam(heads.parameters(), lr=0.02)
    asked = nn.functional.one_hot(torch.arange(64) % 2, 2).float()
    features = torch.randn(64, 4, 3, 3) * 0.1
    features[:, 0] += (2 * asked[:, 0] - 1)[:, None, None]
    features[:, 1] -= (2 * asked[:, 0] - 1)[:, None, None]
    for _ in range(80):
        loss = (1 - heads([features], asked)).relu().mean() + (1 + heads([features], asked.flip(1))).relu().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert heads([features], asked).mean() > 0.5
    assert heads([features], asked.flip(1)).mean() < -0.5


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"dataset": {"caption_column": ""}}, "dataset.caption_column"),
        ({"training": {"adversarial_weight": 0.0}}, "nothing is learned"),
        ({"model": {"last_time": 1.0}}, "model.last_time"),
        ({"teaching": {"pictures": 0}}, "at least 1"),
        ({"model": {"kind": "add"}}, "distils a StableDiffusionPipeline"),
    ],
)
def test_what_cannot_work_is_refused(shapes_folder, tmp_path, more, message):
    with pytest.raises(Refused, match=message):
        run(_distilled(shapes_folder, tmp_path, **more))
