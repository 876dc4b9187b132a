"""Every shipped configuration is read by its recipe; what was never run, or for a few steps only, says so."""

import importlib
from pathlib import Path

import pytest

from compute.recipes.configuration import load_config
from compute.recipes.training.config import RecipeConfig

RECIPES = Path("compute/recipes")
SHIPPED = sorted(path for path in RECIPES.glob("*/configs/*.yaml") if path.parts[2] != "evaluation")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parts[2]}-{path.stem}")
def test_shipped_configurations_are_read(path):
    kind = importlib.import_module(f"compute.recipes.{path.parts[2]}.config").Config
    config = load_config(kind, path, ["dataset.path=somewhere"])
    assert isinstance(config, RecipeConfig)
    assert config.training.steps > config.validation.every > 0, "metrics on the way"
    untried = any(words in path.read_text() for words in ("never run", "ran for a few steps only"))
    assert untried == (not path.stem.endswith("cpu"))


def test_every_recipe_ships_one_for_a_processor_a_gpu_and_nodes():
    for recipe in {path.parts[2] for path in SHIPPED}:
        names = {path.stem for path in SHIPPED if path.parts[2] == recipe}
        assert {"h200", "nodes"} <= names
        assert any(name.endswith("cpu") for name in names)
