"""Finding by name: the data name what they show, the recipe learns it, resumes to the bit, and loads in the stock
class."""

import numpy as np
import pytest
import torch
import yaml
from datasets import load_dataset
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModel, AutoProcessor, CLIPSegForImageSegmentation, CLIPSegProcessor

from compute.recipes.configuration import build
from compute.recipes.refusal import Refused
from compute.recipes.segmentation.config import Config
from compute.recipes.segmentation.program import run
from compute.recipes.shapes.several import NAMES, is_named, make_named, write_parquet
from compute.recipes.shapes.vocabulary import COLOURS, Scene, held_out_scenes, train_scenes
from tests.compute.recipes.small import LOOP, configured, metric
from tests.compute.recipes.started import killed_at_checkpoint, two_processes

SMALL = {"width": 32, "layers": 2, "heads": 2, "text_width": 32, "space": 32, "decoder_width": 32, "seen": [0, 1]}


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "several"
    write_parquet(folder, train=400, test=48)
    return folder


def test_masks_are_where_the_named_shapes_are_and_nowhere_else():
    made = make_named(4, 200, scenes=train_scenes())
    assert {one.mask.any() for one in made} == {True, False}
    assert {name for one in made for name in [one.name.removeprefix("the ")]} == set(NAMES)
    for one in made:
        colour = next((word for word in one.name.split() if word in COLOURS), None)
        if colour is None or not one.mask.any():
            continue
        near = np.abs(one.pixels[one.mask].astype(int) - COLOURS[colour]).max(axis=1)
        assert np.median(near) <= 8, "the shape's own colour, but for its edge"
        assert is_named(Scene(colour, "square", "white"), colour)
    assert sum(not one.mask.any() for one in made) / len(made) == pytest.approx(0.25, abs=0.08)


def test_names_that_are_not_there_name_nothing_that_is():
    """A picture whose mask is empty has no pixel of the named colour, unless it is a near miss."""
    absent = [one for one in make_named(5, 300, scenes=train_scenes()) if not one.mask.any()]
    colours = [one for one in absent if one.name.removeprefix("the ") in COLOURS]
    assert colours
    for one in colours:
        wanted = COLOURS[one.name.removeprefix("the ")]
        assert (np.abs(one.pixels.astype(int) - wanted).max(axis=2) > 8).mean() > 0.99


def test_rows_depend_on_the_seed_alone_and_load_as_a_data_set(several):
    first, again, other = (make_named(seed, 6, scenes=held_out_scenes()) for seed in (1, 1, 2))
    assert all((a.pixels == b.pixels).all() and a.name == b.name for a, b in zip(first, again, strict=True))
    assert any((a.pixels != b.pixels).any() for a, b in zip(first, other, strict=True))
    row = load_dataset(str(several), split="test")[0]
    assert (row["image"].size, row["mask"].mode, isinstance(row["name"], str)) == ((32, 32), "L", True)


@pytest.fixture(scope="module")
def finder(several, tmp_path_factory):
    training = {"steps": 400, "batch": 16, "learning_rate": 2e-3}
    config = configured(Config, several, tmp_path_factory.mktemp("finder"), model=SMALL, training=training)
    return run(config), config


def test_it_learns_to_find_and_not_to_find(finder):
    _, config = finder
    before, after = metric(config.folder, "mean_iou")
    assert after > before + 0.2
    assert metric(config.folder, "present_found")[1] > 0.9
    before, after = metric(config.folder, "absent_empty")
    assert after > before == 0.0


def test_the_stock_class_and_processor_load_it_and_find_the_same(finder, several):
    folder, _ = finder
    assert type(AutoModel.from_pretrained(folder)).__name__ == "CLIPSegModel"
    assert type(AutoProcessor.from_pretrained(folder)) is CLIPSegProcessor
    model = CLIPSegForImageSegmentation.from_pretrained(folder, use_safetensors=True)
    processor = CLIPSegProcessor.from_pretrained(folder)
    rows = load_dataset(str(several), split="test").select(range(8))
    pictures, names = [row["image"].convert("RGB") for row in rows], [row["name"] for row in rows]
    inputs = processor(text=names, images=pictures, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        found = model(**inputs).logits > 0
    sheet = np.asarray(Image.open(folder / "samples.png"))
    for place, mask in enumerate(found):
        tile = sheet[128:256, 128 * place : 128 * place + 128][::4, ::4]
        assert ((tile == 255).all(axis=2) == mask.numpy()).mean() > 0.97, "the card's picture shows what it finds"
    card = ModelCard.load(folder / "README.md")
    assert (card.data.pipeline_tag, card.data.library_name) == ("image-segmentation", "transformers")


def test_a_killed_run_resumes_to_the_same_bits(several, tmp_path):
    def plain(name, steps=12):
        training = {**LOOP, "steps": steps, "batch": 4, "checkpoint_every": 2, "log_every": 1}
        facts = {"dataset": {"path": str(several)}, "model": SMALL, "training": training}
        return {"seed": 3, "output": str(tmp_path / name), **facts}

    whole = run(build(Config, plain("whole")))
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(plain("killed")))
    killed_at_checkpoint("segmentation", file, step=4)
    resumed = run(build(Config, plain("killed")))
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (whole, resumed))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_shards_of_two_processes_train_and_find_as_one_does(several, tmp_path):
    training = {**LOOP, "steps": 3, "batch": 4, "accumulate": 2, "log_every": 1}
    facts = {"seed": 3, "dataset": {"path": str(several)}, "model": SMALL}
    alone = run(build(Config, {**facts, "output": str(tmp_path / "alone"), "training": training}))
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump({**facts, "output": str(tmp_path / "two"), "training": training}))
    found = two_processes("segmentation", file, accumulate=1, shard="true", gradient_checkpointing="true")
    theirs, ours = load_file(alone / "model.safetensors"), load_file(tmp_path / "two" / "model" / "model.safetensors")
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, atol=2e-4, rtol=1e-3, msg=name)
    measured = [event["value"] for event in found if event["event"] == "metric" and event["name"] == "mean_iou"]
    assert measured == pytest.approx(list(metric(tmp_path / "alone", "mean_iou")), abs=0.01)


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        ("model", {"seen": [1, 0]}, "the last one too"),
        ("model", {"seen": [0]}, "the last one too"),
        ("model", {"patch": 5}, "multiple of 'model.patch'"),
        ("dataset", {"mask_column": ""}, "mask_column"),
        ("dataset", {"ratios": [1.0, 2.0]}, "one square size"),
        ("dataset", {"mask_column": "where"}, "no column 'where'"),
    ],
)
def test_what_cannot_work_is_refused(several, tmp_path, section, changes, message):
    with pytest.raises(Refused, match=message):
        run(configured(Config, several, tmp_path, **{"model": SMALL, section: changes}))


def test_a_data_set_whose_licence_forbids_training_is_refused(tmp_path):
    write_parquet(tmp_path / "closed", train=8, test=4, licence="cc-by-nd-4.0")
    with pytest.raises(Refused, match=r"cc-by-nd-4\.0"):
        run(configured(Config, tmp_path / "closed", tmp_path / "output", model=SMALL))
