"""A real classifier, as the stock library writes it, that tells red pictures from blue ones."""

import json
import shutil
from contextlib import nullcontext

import pytest
import torch
from huggingface_hub.utils import filter_repo_objects
from PIL import Image
from transformers import AutoModelForImageClassification

from inference.engine.classifier import CLASSIFIER_FILES, Classifier
from inference.engine.requests import ModelKey, ModelRefused
from tests.inference.classifiers import red_or_blue

KEY = ModelKey("lab/eyes", "ab" * 20)


class Folder:
    """Where the model lies already."""

    def __init__(self, folder):
        self.path = folder

    def held(self, key, token=None):
        return nullcontext(self.path)


@pytest.fixture(scope="module")
def eyes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eyes")
    red_or_blue(folder)
    return folder


def classifier(folder):
    return Classifier(Folder(folder), device="cpu")


def test_it_scores_each_picture_by_every_label(eyes):
    pictures = [Image.new("RGB", (32, 48), color) for color in ("red", "blue")]
    red, blue = classifier(eyes).scores(KEY, pictures)
    assert set(red) == {"red", "blue"}
    assert (red["red"], blue["blue"]) == (pytest.approx(1, abs=0.05), pytest.approx(1, abs=0.05))
    assert sum(red.values()) == pytest.approx(1)


def test_one_in_several_files_is_loaded_from_what_is_downloaded(eyes, tmp_path):
    whole = AutoModelForImageClassification.from_pretrained(eyes)
    whole.save_pretrained(tmp_path / "all", max_shard_size="2KB")
    shutil.copy(eyes / "preprocessor_config.json", tmp_path / "all")
    names = [path.name for path in (tmp_path / "all").iterdir()]
    assert len([name for name in names if name.endswith(".safetensors")]) > 1
    (tmp_path / "here").mkdir()
    for name in filter_repo_objects(names, allow_patterns=CLASSIFIER_FILES):
        shutil.copy(tmp_path / "all" / name, tmp_path / "here")
    picture = [Image.new("RGB", (8, 8), "red")]
    assert classifier(tmp_path / "here").scores(KEY, picture) == classifier(eyes).scores(KEY, picture)


def test_one_kept_in_half_precision_scores_the_same(eyes, tmp_path):
    shutil.copytree(eyes, tmp_path / "half")
    AutoModelForImageClassification.from_pretrained(eyes).half().save_pretrained(tmp_path / "half")
    picture = [Image.new("RGB", (8, 8), "red")]
    (whole,), (half,) = (classifier(place).scores(KEY, picture) for place in (eyes, tmp_path / "half"))
    assert half == pytest.approx(whole, abs=0.01)


def test_it_is_loaded_once(eyes):
    ours = classifier(eyes)
    picture = [Image.new("RGB", (8, 8), "red")]
    with torch.random.fork_rng():
        assert ours.scores(KEY, picture) == ours.scores(KEY, picture)
    assert ours._loaded(KEY) is ours._loaded(KEY)


@pytest.mark.parametrize(
    ("change", "code"), [("auto_map", "custom_code"), ("weights", "no_safetensors"), ("config", "not_a_pipeline")]
)
def test_it_loads_nothing_but_stock_classes_and_safetensors(tmp_path, change, code):
    red_or_blue(tmp_path)
    config = tmp_path / "config.json"
    if change == "auto_map":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"auto_map": {"AutoModel": "x.Y"}}))
    elif change == "weights":
        (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    else:
        config.unlink()
    with pytest.raises(ModelRefused) as refused:
        classifier(tmp_path).scores(KEY, [Image.new("RGB", (8, 8))])
    assert refused.value.code == code
