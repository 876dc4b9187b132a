"""What a recipe made before is trained further: by adapters, students and stages of a cascade."""

import json
import shutil

import numpy as np
import pytest
import torch
import yaml
from diffusers import (
    DiffusionPipeline,
    IFPipeline,
    IFSuperResolutionPipeline,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
)
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from compute.recipes.adapters.config import Config as Adapter
from compute.recipes.adapters.program import run as adapt
from compute.recipes.cascade.config import Config as Cascade
from compute.recipes.cascade.program import run as train_stage
from compute.recipes.configuration import as_plain
from compute.recipes.distillation.config import Config as Distillation
from compute.recipes.distillation.program import run as distil
from compute.recipes.refusal import Refused
from tests.compute.recipes.small import configured, drawn, events, metric
from tests.compute.recipes.started import killed_at_checkpoint

PIXELS = "tests/fixtures/shapes-tiny"
LORA, WORD = "pytorch_lora_weights.safetensors", "learned_embeds.safetensors"
FEW = {"steps": 3, "batch": 4, "learning_rate": 1e-2, "log_every": 1, "checkpoint_every": 1}
STILL = FEW | {"learning_rate": 1e-9}
DRAWN = {"sampling": {"steps": 2}, "validation": {"pictures": 1}}
DATA = {"caption_column": "caption", "most": 12, "most_test": 4}
CALLED = {"prompt": "a <subject>", "most": 12, "most_test": 4}


def _config(kind, data, output, earlier="", **sections):
    more = {"earlier": {"id": str(earlier)}} if earlier else {}
    return configured(kind, data, output, **{"dataset": DATA, "training": FEW, **DRAWN} | sections | more)


def _adapter(data, output, base, earlier="", *, method="lora", training=FEW, **adapter):
    dataset = DATA if method == "lora" else CALLED
    sections = {"base": {"id": str(base)}, "adapter": {"rank": 2, "alpha": 2, "method": method, **adapter}}
    return _config(Adapter, data, output, earlier, dataset=dataset, training=training, **sections)


def _same(ours, theirs, **tolerance):
    """The weights in two files."""
    ours, theirs = load_file(ours), load_file(theirs)
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], **(tolerance or {"atol": 1e-6, "rtol": 1e-6}), msg=name)


def _told(folder, earlier):
    """The card names the base and what was gone on with, and no place on this machine."""
    card = (folder / "README.md").read_text()
    assert "trained further from one in a folder" in card
    assert "| Went on from | a local folder |" in card
    assert str(earlier) not in card + (folder / "config.yaml").read_text()
    assert yaml.safe_load((folder / "config.yaml").read_text())["earlier"]["id"] == "model"
    return card


@pytest.mark.parametrize(
    ("base", "method"),
    [
        ("stable", "lora"),
        ("stable", "dreambooth"),
        ("stable", "textual_inversion"),
        (PIXELS, "lora"),
        (PIXELS, "textual_inversion"),
        ("on_latents", "lora"),
    ],
)
def test_an_adapter_is_trained_further(base, method, request, shapes_folder, tmp_path):
    base = base if base == PIXELS else request.getfixturevalue(base)
    more = {"class_prompt": "a circle", "class_pictures": 2} if method == "dreambooth" else {}
    first = _adapter(shapes_folder, tmp_path / "first", base, method=method, **more)
    earlier = adapt(first)
    again = _adapter(shapes_folder, tmp_path / "again", base, earlier, method=method, training=STILL, **more)
    folder = adapt(again)
    file = WORD if method == "textual_inversion" else LORA
    _same(folder / file, earlier / file)
    ended, began = metric(first.folder, "validation_loss")[1], metric(again.folder, "validation_loss")[0]
    assert began == pytest.approx(ended, rel=1e-3)
    assert "| Base model | a local folder |" in _told(folder, earlier)

    further = adapt(_adapter(shapes_folder, tmp_path / "further", base, earlier, method=method, **more))
    ours, theirs = load_file(further / file), load_file(earlier / file)
    assert any(not torch.equal(ours[name], theirs[name]) for name in ours), "it learns"
    if method != "textual_inversion":
        kind = StableDiffusionPipeline if "stable" in str(base) else StableDiffusion3Pipeline
        absent = {"text_encoder_3": None, "tokenizer_3": None} if base != PIXELS and "stable" not in str(base) else {}
        pipeline = kind.from_pretrained(base, **absent, dtype=torch.float32)
        asked = {"prompt": "a circle", "num_inference_steps": 2, "height": 32, "width": 32}
        plain = drawn(pipeline, **asked)
        pipeline.load_lora_weights(further)
        assert not np.array_equal(drawn(pipeline, **asked), plain)


def test_the_scale_of_an_adapter_is_that_which_it_was_trained_with(stable, shapes_folder, tmp_path):
    folder = adapt(_adapter(shapes_folder, tmp_path, stable, alpha=8))
    pipeline = StableDiffusionPipeline.from_pretrained(stable)
    pipeline.load_lora_weights(folder)
    layers = [m for m in pipeline.unet.modules() if hasattr(m, "scaling") and m.scaling]
    assert layers
    assert {scale for layer in layers for scale in layer.scaling.values()} == {4.0}


@pytest.fixture(scope="module")
def lora(stable, shapes_folder, tmp_path_factory):
    return adapt(_adapter(shapes_folder, tmp_path_factory.mktemp("lora"), stable))


@pytest.fixture(scope="module")
def word(stable, shapes_folder, tmp_path_factory):
    return adapt(_adapter(shapes_folder, tmp_path_factory.mktemp("word"), stable, method="textual_inversion"))


def _changed(folder, to, change, file=LORA):
    shutil.copytree(folder, to)
    with safe_open(folder / file, framework="pt") as opened:
        metadata = opened.metadata()
    save_file(change(load_file(folder / file)), to / file, metadata=metadata)
    return to


def _without_one_layer(state):
    left_out = next(iter(state)).rpartition(".lora")[0]
    return {name: weight for name, weight in state.items() if not name.startswith(left_out)}


@pytest.mark.parametrize(
    ("change", "adapter", "message"),
    [
        (dict, {"rank": 3}, "has the rank 2, and 'adapter.rank' is 3"),
        (dict, {"alpha": 3}, "has the scale 2, and 'adapter.alpha' is 3. Set it to 2"),
        (_without_one_layer, {}, "changes other layers than are trained here"),
        (lambda s: s | {"text_encoder.a.weight": torch.zeros(2)}, {}, "changes more or other networks than the unet"),
        (lambda s: {n: w.repeat(1, 2) if ".down." in n else w for n, w in s.items()}, {}, "of a base of other sizes"),
        (dict, {"method": "textual_inversion"}, "holds a LoRA, and no learned word"),
    ],
)
def test_a_lora_that_does_not_fit_is_refused(change, adapter, message, lora, stable, shapes_folder, tmp_path):
    earlier = _changed(lora, tmp_path / "earlier", change)
    with pytest.raises(Refused, match=message):
        adapt(_adapter(shapes_folder, tmp_path / "out", stable, earlier, **adapter))


def test_a_word_that_does_not_fit_is_refused(word, stable, shapes_folder, tmp_path):
    learned = {"method": "textual_inversion"}
    wide = _changed(word, tmp_path / "wide", lambda s: {n: v.repeat(2) for n, v in s.items()}, WORD)
    for earlier, base, more, message in [
        (word, stable, {}, "holds a learned word, and no LoRA"),
        (word, PIXELS, learned, "by the names '<subject>', and what is trained here is 'clip_g' and 'clip_l'"),
        (wide, stable, learned, "words of this base are one vector of 32 numbers"),
        (stable, stable, learned, "holds no adapter: it has no file learned_embeds.safetensors"),
    ]:
        with pytest.raises(Refused, match=message):
            adapt(_adapter(shapes_folder, tmp_path / "out", base, earlier, **more))


def test_a_killed_adapter_that_goes_on_resumes_to_the_same_bits(lora, stable, shapes_folder, tmp_path):
    steps = FEW | {"steps": 8, "checkpoint_every": 2}
    whole = adapt(_adapter(shapes_folder, tmp_path / "whole", stable, lora, training=steps))
    config = _adapter(shapes_folder, tmp_path / "killed", stable, lora, training=steps)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(as_plain(config)))
    killed_at_checkpoint("adapters", tmp_path / "c.yaml", step=2)
    resumed = adapt(config)
    assert events(config.folder, "resume")[0]["step"] >= 2
    _same(resumed / LORA, whole / LORA, atol=0, rtol=0)
    with pytest.raises(Refused, match="another configuration"):
        adapt(_adapter(shapes_folder, tmp_path / "killed", stable, training=steps))


def _student(data, output, teacher, earlier="", *, kind="ladd", training=(), **model):
    sections = {
        "teacher": {"id": str(teacher)},
        "teaching": {"pictures": 8, "steps": 2},
        "model": {"kind": kind, "head_width": 8, "steps": 2, "feature_steps": 1, **model},
        "training": FEW | {"learning_rate": 1e-3, "distillation_weight": 1.0} | dict(training),
        "sampling": {"steps": 2, "guidance": 1.0, "checked": 4},
    }
    return _config(Distillation, data, output, earlier, **sections)


@pytest.mark.parametrize("kind", ["ladd", "add"])
def test_a_student_is_taught_further(kind, stable, shapes_folder, tmp_path):
    teacher = PIXELS if kind == "ladd" else stable
    weights = f"{'transformer' if kind == 'ladd' else 'unet'}/diffusion_pytorch_model.safetensors"
    first = _student(shapes_folder, tmp_path / "first", teacher, kind=kind)
    earlier = distil(first)
    rate = {"learning_rate": 1e-9}
    again = _student(shapes_folder, tmp_path / "again", teacher, earlier, kind=kind, training=rate)
    folder = distil(again)
    _same(folder / weights, earlier / weights)
    _told(folder, earlier)
    # In fewer steps, resumed after a cut to the same bits.
    still = {"warmup": 0.0, "decay": 0.0, "steps": 2}
    fewer = {"kind": kind, "steps": 1, "shift": 1.0}
    whole = distil(_student(shapes_folder, tmp_path / "whole", teacher, earlier, training=still, **fewer))
    for steps in (1, 2):
        cut = _student(shapes_folder, tmp_path / "cut", teacher, earlier, training=still | {"steps": steps}, **fewer)
        resumed = distil(cut)
    assert events(cut.folder, "resume")
    _same(resumed / weights, whole / weights, atol=0, rtol=0)
    pipeline = DiffusionPipeline.from_pretrained(whole, use_safetensors=True)
    assert type(pipeline) is (StableDiffusion3Pipeline if kind == "ladd" else StableDiffusionPipeline)
    pictures = pipeline("a circle", num_inference_steps=2, guidance_scale=1.0, height=32, width=32).images
    assert pictures[0].size == (32, 32)


def test_a_student_of_another_kind_or_teacher_is_refused(stable, on_latents, shapes_folder, tmp_path):
    with pytest.raises(Refused, match=r"is no StableDiffusion3Pipeline but a StableDiffusionPipeline.*'earlier.id'"):
        distil(_student(shapes_folder, tmp_path / "a", PIXELS, stable))
    with pytest.raises(Refused, match="has another network than its teacher"):
        config = _student(shapes_folder, tmp_path / "b", PIXELS, on_latents)
        distil(_accepted(config))
    velocity = shutil.copytree(stable, tmp_path / "velocity")
    file = velocity / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"prediction_type": "v_prediction"}))
    with pytest.raises(Refused, match="answers with v_prediction and its teacher with epsilon"):
        distil(_student(shapes_folder, tmp_path / "c", stable, velocity, kind="add"))


def _accepted(config):
    return configured(Distillation, config.dataset.path, config.output, **_plain(config))


def _plain(config):
    plain = as_plain(config)
    for name in ("seed", "output", "credits"):
        plain.pop(name)
    return plain | {"accept_base_licence": "apache-2.0"}


def _stage(data, output, earlier="", *, stage="base", base="", size=16, training=(), **more):
    return _config(
        Cascade,
        data,
        output,
        earlier,
        dataset={**DATA, "size": size},
        base={"id": str(base)},
        model={"stage": stage, "channels": [16, 32], "text_width": 32, "text_heads": 2},
        training=FEW | dict(training),
        sampling={"steps": 2, "enlarged": 2},
        **more,
    )


@pytest.fixture(scope="module")
def small_stage(shapes_folder, tmp_path_factory):
    config = _stage(shapes_folder, tmp_path_factory.mktemp("stage"))
    return train_stage(config), config


UNET, ENCODER = "unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"


def test_a_base_stage_is_trained_further(small_stage, shapes_folder, tmp_path):
    earlier, first = small_stage
    again = _stage(shapes_folder, tmp_path / "again", earlier, training={"learning_rate": 1e-9})
    folder = train_stage(again)
    for weights in (UNET, ENCODER):
        _same(folder / weights, earlier / weights)
    began = metric(again.folder, "validation_loss")[0]
    assert began == pytest.approx(metric(first.folder, "validation_loss")[1], rel=1e-3)
    _told(folder, earlier)
    further = train_stage(_stage(shapes_folder, tmp_path / "further", earlier, training={"train_text": False}))
    _same(further / ENCODER, earlier / ENCODER, atol=0, rtol=0)
    ours, theirs = load_file(further / UNET), load_file(earlier / UNET)
    assert any(not torch.equal(ours[name], theirs[name]) for name in ours)
    assert drawn(IFPipeline.from_pretrained(further), "a circle", num_inference_steps=2).shape == (16, 16, 3)


def test_a_stage_of_super_resolution_is_trained_further(small_stage, shapes_folder, tmp_path):
    base, _config_of_base = small_stage
    large = {"stage": "super_resolution", "base": base, "size": 32}
    earlier = train_stage(_stage(shapes_folder, tmp_path / "first", **large))
    folder = train_stage(_stage(shapes_folder, tmp_path / "again", earlier, training={"learning_rate": 1e-9}, **large))
    _same(folder / UNET, earlier / UNET)
    assert "| Base model | a local folder |" in _told(folder, earlier)
    pipeline = IFSuperResolutionPipeline.from_pretrained(folder)
    small = IFPipeline.from_pretrained(base)("a circle", num_inference_steps=2).images
    assert drawn(pipeline, "a circle", image=small, num_inference_steps=2).shape == (32, 32, 3)
    with pytest.raises(Refused, match=r"is no IFPipeline but a IFSuperResolutionPipeline.*'earlier.id'"):
        train_stage(_stage(shapes_folder, tmp_path / "wrong", earlier))


def test_a_stage_that_does_not_fit_is_refused(small_stage, stable, shapes_folder, tmp_path):
    earlier, _config_of_it = small_stage
    with pytest.raises(Refused, match=r"draws pictures of 16 pixels. Set 'dataset.size' to that"):
        train_stage(_stage(shapes_folder, tmp_path, earlier, size=32))
    with pytest.raises(Refused, match=r"Clear 'text.id', or 'earlier'"):
        train_stage(_stage(shapes_folder, tmp_path, earlier, text={"id": str(earlier)}))
    with pytest.raises(Refused, match="A text encoder from nothing must learn"):
        train_stage(_stage(shapes_folder, tmp_path, training={"train_text": False}))
