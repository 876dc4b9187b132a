"""Batches larger than the rows that are trained on: filled up, told, and refused where nothing could be learned."""

import io

import pytest
from datasets import Dataset, Features, Image, Value
from PIL import Image as Pictures

from compute.recipes.autoencoder.config import Config as Autoencoder
from compute.recipes.autoencoder.program import run as train_autoencoder
from compute.recipes.contrastive.config import Config as Contrastive
from compute.recipes.contrastive.program import run as train_contrastive
from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.program import run
from compute.recipes.training.config import LoopConfig
from compute.recipes.training.repeats import repeats_of
from tests.compute.recipes.small import configured, events


@pytest.mark.parametrize(
    ("sizes", "loop", "processes", "told"),
    [
        ([32], {"batch": 32}, 1, ""),
        ([16, 16], {"batch": 16}, 2, ""),
        ([31], {"batch": 32}, 1, "A step sees 32 rows and there are 31: each comes up to 2 times in one step"),
        ([9], {"batch": 4, "accumulate": 3}, 2, "A step sees 24 rows and there are 9: each comes up to 3 times"),
        ([40, 3, 7], {"batch": 8}, 1, "2 of 3 shapes of pictures ('dataset.ratios') have fewer pictures than a batch"),
    ],
)
def test_what_is_repeated_is_told(sizes, loop, processes, told):
    text = repeats_of(sizes, LoopConfig(**loop), processes)
    assert text.startswith(told)
    assert bool(text) == bool(told) == ("Lower 'training.batch'" in text)


def test_a_batch_larger_than_the_data_trains_and_is_told(tiny):
    config = tiny(dataset={"most": 3}, training={"steps": 2, "batch": 5, "accumulate": 1})
    assert (run(config) / "model_index.json").exists()
    (note,) = events(config.folder, "note")
    assert note["text"].startswith("A step sees 5 rows and there are 3: each comes up to 2 times in one step")


@pytest.fixture(scope="module")
def wide_and_tall(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shaped")
    rows = {"image": [], "caption": []}
    for number, size in enumerate([(32, 32)] * 6 + [(64, 32)]):
        buffer = io.BytesIO()
        Pictures.new("RGB", size, (30 * number, 0, 200)).save(buffer, "PNG")
        rows["image"].append({"bytes": buffer.getvalue(), "path": f"{number}.png"})
        rows["caption"].append("a thing")
    Dataset.from_dict(rows, features=Features({"image": Image(), "caption": Value("string")})).to_parquet(
        folder / "train-0.parquet"
    )
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n")
    return folder


def test_a_shape_with_few_pictures_is_told(wide_and_tall, tmp_path):
    data = {"test_split": "train", "ratios": [1.0, 2.0]}
    loop = {"steps": 1, "batch": 4, "feature_steps": 1}
    train_autoencoder(
        configured(Autoencoder, wide_and_tall, tmp_path, dataset=data, training=loop, model={"channels": [16, 16]})
    )
    (note,) = events(tmp_path, "note")
    assert note["text"].startswith("1 of 2 shapes of pictures ('dataset.ratios') have fewer pictures than a batch of 4")


def test_what_could_teach_nothing_is_refused(wide_and_tall, shapes_folder, tmp_path):
    captions = {"caption_column": "caption", "test_split": "train"}
    with pytest.raises(Refused, match=r"'training.batch' must be at least 2"):
        train_contrastive(configured(Contrastive, shapes_folder, tmp_path, dataset=captions, training={"batch": 1}))
    with pytest.raises(Refused, match="All pictures have one caption"):
        train_contrastive(configured(Contrastive, wide_and_tall, tmp_path, dataset=captions))
