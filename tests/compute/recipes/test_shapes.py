"""The shapes data set and the judge that reads pictures."""

import numpy as np
import pytest
from datasets import load_dataset
from PIL import Image

from compute.recipes.shapes.checker import check, recognise
from compute.recipes.shapes.drawing import draw, make_pictures
from compute.recipes.shapes.parquet import write_parquet
from compute.recipes.shapes.vocabulary import (
    BACKGROUNDS,
    COLOURS,
    SHAPES,
    Scene,
    all_scenes,
    held_out_prompts,
    held_out_scenes,
    train_scenes,
)


@pytest.mark.parametrize("size", [32, 48, 64])
def test_checker_reads_every_true_picture(size):
    pictures = make_pictures(11, 4 * len(all_scenes()), scenes=all_scenes(), size=size)
    read = [recognise(picture.pixels) for picture in pictures]
    right = [
        (verdict.colour, verdict.shape, verdict.background)
        == (picture.scene.colour, picture.scene.shape, picture.scene.background)
        for verdict, picture in zip(read, pictures, strict=True)
    ]
    assert np.mean(right) >= 0.99


@pytest.mark.parametrize("scene", [Scene("red", "circle", "white"), Scene("blue", "triangle", "black")])
def test_checker_passes_only_the_asked_colour_and_shape(scene):
    picture = draw(scene)
    passed = {(c, s) for c in COLOURS for s in SHAPES if check(picture, c, s).passed}
    assert passed == {(scene.colour, scene.shape)}


def test_checker_says_what_is_wrong():
    verdict = check(draw(Scene("red", "circle", "white")), "green", "square")
    assert verdict.reason == "colour is red, not green; shape is circle, not square"


def _blank():
    return np.full((32, 32, 3), 250, dtype=np.uint8)


def _noise():
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)


def _two_pieces():
    picture = _blank()
    picture[6:26, 3:12] = picture[6:26, 20:29] = COLOURS["red"]
    return picture


def _bar():
    picture = _blank()
    picture[13:19, 4:28] = COLOURS["red"]
    return picture


def _bitten_square():
    picture = draw(Scene("red", "square", "white"))
    picture[:18, 14:] = BACKGROUNDS["white"]
    return picture


def _brown_square():
    picture = _blank()
    picture[6:26, 6:26] = (110, 80, 50)
    return picture


@pytest.mark.parametrize("spoilt", [_blank, _noise, _two_pieces, _bar, _bitten_square, _brown_square])
def test_checker_passes_nothing_that_is_no_shape(spoilt):
    verdict = recognise(spoilt())
    assert not verdict.passed
    assert verdict.reason
    assert not any(check(spoilt(), c, s).passed for c in COLOURS for s in SHAPES)


def test_checker_reads_pil_pictures_and_refuses_unknown_words():
    assert check(Image.fromarray(draw(Scene("pink", "square", "grey"))), "pink", "square").passed
    with pytest.raises(ValueError, match="does not know"):
        check(draw(Scene("pink", "square", "grey")), "pink", "hexagon")


def test_held_out_scenes_are_never_trained_and_their_pairs_are():
    trained = {(scene.colour, scene.shape) for scene in train_scenes()}
    assert not set(train_scenes()) & set(held_out_scenes())
    assert {(scene.colour, scene.shape) for scene in held_out_scenes()} <= trained
    assert {scene.colour for scene in held_out_scenes()} == set(COLOURS)
    assert {scene.shape for scene in held_out_scenes()} == set(SHAPES)
    assert {scene.background for scene in held_out_scenes()} == set(BACKGROUNDS)


def test_held_out_prompts_are_different_and_start_with_every_scene():
    prompts = held_out_prompts()
    assert len({prompt.text for prompt in prompts}) == 64
    assert [prompt.scene for prompt in prompts[: len(held_out_scenes())]] == held_out_scenes()
    assert prompts[2].text == "an orange square on a black background"


def test_pictures_depend_on_the_seed_alone():
    first, again, other = (make_pictures(seed, 8, scenes=train_scenes()) for seed in (1, 1, 2))
    assert [p.caption for p in first] == [p.caption for p in again]
    assert all((a.pixels == b.pixels).all() for a, b in zip(first, again, strict=True))
    assert any((a.pixels != b.pixels).any() for a, b in zip(first, other, strict=True))


def test_parquet_loads_as_pictures_with_captions(tmp_path):
    files = write_parquet(tmp_path / "shapes", train=40, test=12, licence="cc0-1.0")
    assert [path.relative_to(tmp_path / "shapes").as_posix() for path in files] == [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/test-00000-of-00001.parquet",
        "README.md",
    ]
    splits = load_dataset(str(tmp_path / "shapes"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in splits.items()} == {"train": 40, "test": 12}
    for row in [*splits["train"], *splits["test"]]:
        assert row["image"].size == (32, 32)
        assert row["colour"] in row["caption"]
        assert row["shape"] in row["caption"]
        assert check(row["image"], row["colour"], row["shape"]).passed
    tested = {(row["colour"], row["shape"], row["background"]) for row in splits["test"]}
    assert tested == {(s.colour, s.shape, s.background) for s in held_out_scenes()}
    assert "license: cc0-1.0" in files[-1].read_text()
