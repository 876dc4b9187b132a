"""A real CLIPSeg, as the stock library writes it, that finds what is red, blue or green."""

import json
import shutil

import numpy as np
import pytest
import torch
from huggingface_hub.utils import filter_repo_objects
from PIL import Image
from torch.nn import functional
from transformers import CLIPSegForImageSegmentation, CLIPSegProcessor

from inference.engine.finder import FINDER_FILES, Finder
from inference.engine.requests import BadRequest, ModelKey, ModelRefused
from tests.inference.finders import halves, red_blue_or_green

KEY = ModelKey("lab/finder", "ab" * 20)
MUCH = 2**30


class Folders:
    """Where the models lie already."""

    def __init__(self, *folders):
        self.folders = folders

    def folder(self, key, token=None):
        return self.folders[int(key.commit[0]) % len(self.folders)] if key.commit[0].isdigit() else self.folders[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return red_blue_or_green(tmp_path_factory.mktemp("finder"))


def finder(folder, *more, room=MUCH):
    return Finder(Folders(folder, *more), device="cpu", max_bytes=room)


@pytest.mark.parametrize("size", [(16, 16), (40, 24)])
def test_it_finds_what_is_named_where_it_is(folder, size):
    ours, picture = finder(folder), halves("red", "blue", size=size)
    left, right = (np.asarray(ours.find(KEY, picture, words)) for words in ("red", "blue"))
    middle = size[0] // 2
    assert left.shape == (size[1], size[0])
    assert (left[:, : middle - 1].min(), left[:, middle + 1 :].max()) == (255, 0)
    assert (right[:, : middle - 1].max(), right[:, middle + 1 :].min()) == (0, 255)
    assert ours.find(KEY, picture, "green") is None


def test_the_mask_is_that_of_the_stock_class(folder):
    picture = halves("green", "red", size=(40, 24))
    model, processor = CLIPSegForImageSegmentation.from_pretrained(folder), CLIPSegProcessor.from_pretrained(folder)
    inputs = processor(text=["red"], images=[picture], padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits.reshape(1, 1, 16, 16)
    likely = functional.interpolate(logits, size=(24, 40), mode="bilinear").sigmoid()[0, 0]
    mask = finder(folder).find(KEY, picture, "red")
    assert np.array_equal(np.asarray(mask) == 255, (likely > 0.5).numpy())


def test_one_kept_in_half_precision_finds_the_same(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "half")
    CLIPSegForImageSegmentation.from_pretrained(folder).half().save_pretrained(tmp_path / "half")
    picture = halves("red", "blue", size=(40, 24))
    whole, half = (np.asarray(finder(place).find(KEY, picture, "red")) for place in (folder, tmp_path / "half"))
    assert np.mean(whole != half) < 0.05


def test_words_beyond_what_it_reads_are_refused_and_not_cut(folder):
    with pytest.raises(BadRequest, match="longer"):
        finder(folder).find(KEY, halves("red", "blue"), "red and whatever is beside it")


def test_models_are_kept_by_their_bytes(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    first, second = (ModelKey("lab/finder", digit * 40) for digit in "01")
    size = (folder / "model.safetensors").stat().st_size
    assert 0.7 * size < finder(folder)._acquire(KEY, None).nbytes < size, "all but the header"
    both, one = finder(folder, other, room=2 * size), finder(folder, other, room=int(1.5 * size))
    for ours in (both, one):
        for key in (first, second, first):
            assert ours.find(key, halves("red", "blue"), "red")
    assert (both.models.loaded, one.models.loaded) == ([second, first], [first])
    with pytest.raises(ModelRefused, match="too_large"):
        finder(folder, room=1000).find(KEY, halves("red", "blue"), "red")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("auto_map", "custom_code"),
        ("tokenizer", "custom_code"),
        ("architectures", "not_a_finder"),
        ("weights", "no_safetensors"),
        ("config", "not_a_finder"),
        ("shape", "cannot_load"),
    ],
)
def test_it_loads_nothing_but_the_stock_class_and_safetensors(folder, tmp_path, change, code):
    spoilt = shutil.copytree(folder, tmp_path / "spoilt")
    config = spoilt / "config.json"

    def write(file, **changes):
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    if change == "auto_map":
        write(config, auto_map={"AutoModel": "x.Y"})
    elif change == "tokenizer":
        write(spoilt / "tokenizer_config.json", auto_map={"AutoTokenizer": ["x.Y", None]})
    elif change == "architectures":
        write(config, architectures=["CLIPSegModel"])
    elif change == "weights":
        (spoilt / "model.safetensors").rename(spoilt / "pytorch_model.bin")
    elif change == "shape":
        write(config, reduce_dim=8)
    else:
        config.unlink()
    with pytest.raises(ModelRefused) as refused:
        finder(spoilt).find(KEY, Image.new("RGB", (8, 8)), "red")
    assert refused.value.code == code


def test_what_is_downloaded_is_enough_and_no_code_is(folder, tmp_path):
    names = [path.name for path in folder.iterdir()] + ["modeling.py", "pytorch_model.bin"]
    here = tmp_path / "here"
    here.mkdir()
    for name in filter_repo_objects(names, allow_patterns=FINDER_FILES):
        shutil.copy(folder / name, here)
    assert finder(here).find(KEY, halves("red", "blue"), "red")
