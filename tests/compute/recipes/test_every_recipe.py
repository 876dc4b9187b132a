"""What is promised of every recipe, asked of each: seeds, provenance, precision, activations computed twice, and that
a finished model is gone on with."""

import importlib
import json

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file

from compute.recipes.configuration import build
from compute.recipes.dance_diffusion.tones import write_parquet as write_tones
from compute.recipes.data.facts import look_up
from compute.recipes.language_model.texts import write_parquet as write_texts
from compute.recipes.refusal import Refused
from compute.recipes.shapes.edits import write_parquet as write_edits
from compute.recipes.shapes.several import write_parquet as write_several
from tests.compute.recipes.small import LOOP, events, metric

UNET = {"channels": [16, 32], "text_width": 32, "heads": 2}
CAPTIONS = {"caption_column": "caption", "most": 16, "most_test": 4}
DRAWN = {"sampling": {"steps": 1}, "validation": {"pictures": 1}}

# What each needs beside the loop: data, further sections, where a base is named, and what it is.
RECIPES = {
    "text_to_image": (
        "shapes",
        {"dataset": CAPTIONS, "model": {"patch": 8, "width": 32, "layers": 2, "heads": 2, "text_width": 16}, **DRAWN},
        "",
        "",
    ),
    "autoencoder": ("shapes", {"model": {"channels": [16, 16, 16]}}, "", ""),
    "latent_diffusion": (
        "shapes",
        {
            "dataset": {"class_columns": ["colour", "shape"]},
            "model": {"width": 32, "blocks": 2, "block_heads": 2},
            **DRAWN,
        },
        "autoencoder",
        "autoencoder",
    ),
    "stable_diffusion": ("shapes", {"dataset": CAPTIONS, "model": UNET, **DRAWN}, "autoencoder", "autoencoder"),
    "mmdit": (
        "shapes",
        {"dataset": CAPTIONS, "model": {"patch": 1, "width": 32, "layers": 2, "heads": 2, "text_width": 16}, **DRAWN},
        "autoencoder",
        "autoencoder",
    ),
    "inpainting": ("shapes", {"dataset": CAPTIONS, **DRAWN}, "base", "stable"),
    "instruction_editing": ("edits", DRAWN, "base", "stable"),
    "adapters": ("shapes", {"dataset": CAPTIONS, "adapter": {"rank": 2}, **DRAWN}, "base", "stable"),
    "language_model": ("texts", {"model": {"width": 32, "layers": 2, "heads": 2, "context": 32}}, "", ""),
    "contrastive": ("shapes", {"dataset": CAPTIONS, "model": {"width": 32, "layers": 2, "heads": 2}}, "", ""),
    "segmentation": ("several", {"model": {"width": 32, "layers": 2, "heads": 2, "seen": [0, 1]}}, "", ""),
}

# Those that are gone on with and whose other promises have tests of their own.
FURTHER = {
    "autoencoder vq": ("shapes", {"model": {"channels": [16, 16, 16], "kind": "vq", "codes": 32}}, "", ""),
    "latent_diffusion text": (
        "shapes",
        {"dataset": CAPTIONS, "model": {**UNET, "condition": "text", "max_tokens": 77}, **DRAWN},
        "autoencoder",
        "autoencoder",
    ),
    "dance_diffusion": (
        "tones",
        {
            "dataset": {"sample_rate": 4000, "length": 512},
            "model": {"channels": [16, 32], "attention": 0},
            **DRAWN,
        },
        "",
        "",
    ),
}
OTHER_SIZES = {
    "text_to_image": ({"size": 16}, "draws pictures of 32 pixels"),
    "latent_diffusion": ({"size": 16}, "draws pictures of 32 pixels"),
    "contrastive": ({"size": 16}, "sees pictures of 32 pixels"),
    "segmentation": ({"size": 16}, "sees pictures of 32 pixels"),
    "dance_diffusion": ({"length": 256}, r"Set 'dataset.length' to 512 and 'dataset.sample_rate' to 4000"),
    "autoencoder": ({"multiple": 2}, "must be a multiple of 4"),
}
ON_STABLE = ("stable_diffusion", "inpainting", "instruction_editing")
GONE_ON_WITH = [
    *("text_to_image", "autoencoder", "latent_diffusion", "stable_diffusion", "contrastive", "segmentation"),
    *("inpainting", "instruction_editing"),
    *FURTHER,
]


@pytest.fixture(scope="module")
def data(shapes_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_texts(folder / "texts", train=60, test=10)
    write_edits(folder / "edits", train=16, test=4)
    write_several(folder / "several", train=16, test=8)
    write_tones(folder / "tones", train=16, test=4, rate=8000, seconds=0.25)
    made = {name: folder / name for name in ("texts", "edits", "several", "tones")}
    return {"shapes": shapes_folder, **made}


def _trained(name, request, data, output, *, finished="", dataset=None, **training):
    """The folder of the model, after two steps, and its configuration; begun with a finished one, if that is named."""
    (kind, sections, key, base), recipe = (RECIPES | FURTHER)[name], name.split()[0]
    plain = {
        **sections,
        "seed": 5,
        "output": str(output),
        "credits": [{"user": "maker", "roles": ["methodology"]}],
        "dataset": {"path": str(data[kind]), **sections.get("dataset", {})},
        "training": {**LOOP, "steps": 2, "batch": 4, "log_every": 1, "optimizer": "adamw", **training},
    }
    if recipe == "autoencoder":
        plain["training"] |= {"feature_steps": 1, "discriminator_start": 1}
    plain["dataset"] |= dataset or {}
    if finished:
        plain["base"] = {"id": str(finished)}
    elif base:
        plain[key] = {"id": request.getfixturevalue(base)}
    config = build(importlib.import_module(f"compute.recipes.{recipe}.config").Config, plain)
    return importlib.import_module(f"compute.recipes.{recipe}.program").run(config), config


def _weights(folder):
    return {
        f"{file.parent.name} {name}": w for file in folder.rglob("*.safetensors") for name, w in load_file(file).items()
    }


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe(recipe, request, data, tmp_path):
    once, config = _trained(recipe, request, data, tmp_path / "once")
    again, _ = _trained(recipe, request, data, tmp_path / "again", gradient_checkpointing=True)
    theirs = _weights(once)
    for name, weight in _weights(again).items():
        torch.testing.assert_close(weight, theirs[name], atol=1e-6, rtol=1e-5, msg=name)

    lineage = json.loads((once / "wellspring.json").read_text())
    facts = look_up(config.dataset)
    assert lineage["recipe"] == recipe
    assert lineage["credits"] == [{"user": "maker", "roles": ["methodology"], "points": 1}]
    card = ModelCard.load(once / "README.md")
    for told in (facts.source.revision, f"| Recipe | `{recipe}`", "| Seed | 5 |", "Left out on request"):
        assert told in card.text
    assert yaml.safe_load((once / "config.yaml").read_text())["seed"] == 5
    if RECIPES[recipe][3]:
        assert "| Base model | a local folder |" in card.text
    told = "".join(file.read_text() for file in once.rglob("*") if file.suffix in {".md", ".yaml", ".json"})
    assert str(tmp_path) not in told
    assert str(data[RECIPES[recipe][0]]) not in told

    half, _ = _trained(recipe, request, data, tmp_path / "half", precision="bf16", accumulate=2)
    first, second = (events(tmp_path / name, "step")[-1]["loss"] for name in ("once", "half"))
    assert second == pytest.approx(first, rel=0.5), "other batches, about the same loss"
    assert all(torch.isfinite(weight).all() for weight in _weights(half).values())


@pytest.mark.parametrize("recipe", GONE_ON_WITH)
def test_a_finished_model_is_gone_on_with(recipe, request, data, tmp_path):
    """On other rows, at a rate that changes nothing: what comes out is what went in, and is told."""
    finished, first = _trained(recipe, request, data, tmp_path / "finished", learning_rate=1e-2)
    for file in finished.rglob("*.safetensors"):
        halved = {name: w.bfloat16() if w.is_floating_point() else w for name, w in load_file(file).items()}
        save_file(halved, file, metadata={"format": "pt"})
    (finished / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    again, config = _trained(
        recipe, request, data, tmp_path / "again", finished=finished, dataset={"most": 12}, batch=3, learning_rate=1e-9
    )

    theirs, ours = _weights(finished), _weights(again)
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        if recipe == "text_to_image" and name.startswith("text_encoder_3 "):
            continue  # made anew: it is silent
        assert weight.dtype != torch.bfloat16, name
        torch.testing.assert_close(weight, theirs[name].to(weight.dtype), atol=1e-6, rtol=1e-6, msg=name)
    # How far reconstructions are off is felt by features that each run learns from its own rows.
    names = {event["name"] for event in events(first.folder, "metric")} - {"perceptual"}
    assert names
    for name in names:
        assert metric(config.folder, name)[0] == pytest.approx(metric(first.folder, name)[1], rel=0.05), name
    assert "| Base model | a local folder |" in (again / "README.md").read_text()
    assert yaml.safe_load((again / "config.yaml").read_text())["base"]["id"] == "model"

    wrong = request.getfixturevalue("autoencoder" if recipe in ON_STABLE else "stable")
    with pytest.raises(Refused, match=r"is no .+ but a .+\. Choose one that is with 'base.id'"):
        _trained(recipe, request, data, tmp_path / "wrong", finished=wrong)
    if recipe in OTHER_SIZES:
        dataset, words = OTHER_SIZES[recipe]
        with pytest.raises(Refused, match=words):
            _trained(recipe, request, data, tmp_path / "other", finished=again, dataset=dataset)
