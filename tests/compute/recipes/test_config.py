"""Configuration files: what is read, and how a mistake is told."""

from pathlib import Path
from typing import get_args

import pytest

from compute.recipes.configuration import as_plain, build, load_config
from compute.recipes.lineage import Credit, Role, require_credits
from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.config import Config
from compute.recipes.text_to_image.program import TextToImage
from compute.recipes.training.config import require_seed, shaping
from hub.enums import CreditRole

SHIPPED = Path("compute/recipes/text_to_image/configs")


def _write(folder, text):
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_values_come_from_the_file_then_from_overrides(tmp_path):
    text = "seed: 4\ntraining: {steps: 10, learning_rate: 1e-3}\ncredits: [{user: maker, roles: [software]}]\n"
    path = _write(tmp_path, text)
    config = load_config(Config, path, ["training.steps=20", "publish.repo_id=lab/shapes", "sampling.prompts=[a, b]"])
    assert (config.seed, config.training.steps, config.training.learning_rate) == (4, 20, 0.001)
    assert config.publish.repo_id == "lab/shapes"
    assert config.sampling.prompts == ("a", "b")
    assert config.credits == (Credit("maker", roles=("software",)),)
    assert config.model == Config().model


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed: 3", "Unknown configuration key 'speed'"),
        ("training: {stepz: 3}", "Unknown configuration key 'training.stepz'. Known keys here: accumulate, batch"),
        ("training: {steps: many}", "'training.steps' must be of type int, not 'many'"),
        ("training: {steps: true}", "'training.steps' must be of type int"),
        ("training: {precision: fp8}", "'training.precision' must be one of 'fp32"),
        ("training: 3", "'training' must be a section"),
        ("sampling: {prompts: a}", "'sampling.prompts' must be a list"),
        ("credits: [{user: maker, roles: [data]}]", r"'credits\[0\].roles\[0\]' must be one of 'concept"),
        ("publish: {title: 2026}", "'publish.title' must be of type str, not 2026. Put it in quotes"),
        ("- 1", "must be a mapping"),
        ("a: [", "cannot be read"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    with pytest.raises(Refused, match=message):
        load_config(Config, _write(tmp_path, text))


@pytest.mark.parametrize("override", ["training.steps", "=3", "seed.x=3"])
def test_broken_overrides_are_refused(tmp_path, override):
    with pytest.raises(Refused):
        load_config(Config, _write(tmp_path, "seed: 1"), [override])


@pytest.mark.parametrize(
    ("contributor", "message"),
    [
        (Credit(roles=("software",)), "exactly one of 'user'"),
        (Credit(user="a", name="b"), "exactly one of 'user'"),
        (Credit(user="ada", points=0), "gives ada 0 points"),
    ],
)
def test_credits_name_somebody(contributor, message):
    with pytest.raises(Refused, match=message):
        require_credits([contributor])


def test_roles_are_those_that_the_hub_knows():
    assert set(get_args(Role)) == set(CreditRole.values)


def test_plain_data_builds_the_same_configuration_again():
    config = build(Config, {"credits": [{"user": "maker", "roles": ["data-curation"]}], "dataset": {"id": "lab/data"}})
    assert build(Config, as_plain(config)) == config


@pytest.mark.parametrize("name", sorted(path.name for path in SHIPPED.glob("*.yaml")))
def test_shipped_configurations_are_valid(name):
    TextToImage(load_config(Config, SHIPPED / name, ["dataset.path=somewhere", "dataset.id="])).require()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"dataset": {"id": "a/b", "path": "c"}},
        {"dataset": {"path": "c", "size": 30}},
        {"dataset": {"path": "c", "ratios": [1.0, 2.0]}},
        {"dataset": {"path": "c", "caption_column": ""}},
        {"dataset": {"path": "c"}, "training": {"steps": 0}},
        {"dataset": {"path": "c"}, "training": {"warmup": 0.7, "decay": 0.7}},
        {"dataset": {"path": "c"}, "model": {"width": 100, "heads": 3}},
        {"dataset": {"path": "c"}, "seed": -1},
        {"dataset": {"path": "c", "size": 0}},
        {"dataset": {"path": "c"}, "model": {"patch": 0}},
        {"dataset": {"path": "c"}, "evaluation": {"prompts": 0}},
        {"dataset": {"path": "c"}, "training": {"learning_rate": -1.0}},
        {"dataset": {"path": "c"}, "training": {"learning_rate": float("nan")}},
        {"dataset": {"path": "c"}, "training": {"threads": -3}},
        {"dataset": {"path": "c"}, "training": {"ema": 1.0}},
        {"dataset": {"path": "c"}, "training": {"warmup": float("nan")}},
    ],
)
def test_values_that_cannot_work_are_refused(data):
    config = build(Config, data)
    with pytest.raises(Refused):
        TextToImage(config).require()
        require_seed(config.seed)


def test_only_what_shapes_the_weights_marks_a_checkpoint():
    def facts(**training):
        return shaping(as_plain(build(Config, {"dataset": {"id": "a/b"}, "training": training}))["training"])

    assert facts(steps=5, max_seconds=3, threads=1) == facts()
    assert facts(batch=5) != facts()
