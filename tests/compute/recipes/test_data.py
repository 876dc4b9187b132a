"""Data for training: buckets, caches, streaming, and what people asked to be left out."""

import hashlib
import io
import json
import tracemalloc
from dataclasses import replace

import pytest
import torch
from datasets import Dataset, Features, Image, Value
from PIL import Image as Pictures

from compute.recipes.data.buckets import BucketOrder, bucket_sizes, nearest
from compute.recipes.data.caches import latents_of, texts_of
from compute.recipes.data.config import PicturesConfig, SoundsConfig, require_one_place
from compute.recipes.data.facts import look_up
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.data.pictures import load_pictures
from compute.recipes.data.sounds import load_sounds
from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.config import SquaresConfig
from tests.factories.sounds import sound


def _png(size, colour):
    buffer = io.BytesIO()
    Pictures.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = [_png((64, 64), "red"), _png((128, 64), "green"), _png((60, 130), "blue"), _png((64, 64), "white")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("mixed")
    rows = {
        "image": [{"bytes": data, "path": f"{place}.png"} for place, data in enumerate(PICTURES)],
        "caption": ["A red thing", "a green thing", "a blue thing by Ada", "nothing"],
        "url": [f"https://{host}/{i}" for i, host in enumerate(["a.org", "img.b.org", "c.org", "notb.org"])],
        "kind": ["warm", "cold", "cold", "none"],
    }
    features = Features({"image": Image(), "caption": Value("string"), "url": Value("string"), "kind": Value("string")})
    (made / "data").mkdir()
    Dataset.from_dict(rows, features=features).to_parquet(made / "data" / "train-00000-of-00001.parquet")
    return made


def _load(folder, cache, left_out=LeftOut(), **keys):  # noqa: B008 - frozen
    keys = {"caption_column": "caption", "size": 32, "ratios": (1.0, 2.0, 0.5)} | keys
    config = PicturesConfig(path=str(folder), **keys)
    return load_pictures(config, look_up(config), left_out, cache)


def test_sides_are_multiples_and_areas_alike():
    sizes = bucket_sizes(64, (1.0, 2.0, 0.5, 1.01), 8)
    assert sizes == [(64, 64), (88, 48), (48, 88)]
    assert [nearest(sizes, *size) for size in [(500, 500), (900, 500), (300, 800)]] == [0, 1, 2]


def test_every_row_comes_once_an_epoch_and_batches_keep_to_their_bucket():
    order = BucketOrder([5, 3, 8], batch=4, seed=2)
    assert order.per_epoch == 5
    for epoch in range(2):
        seen = {0: set(), 1: set(), 2: set()}
        for index in range(5 * epoch, 5 * epoch + 5):
            bucket, rows = order.at(index)
            assert len(rows) == 4
            seen[bucket] |= set(rows.tolist())
        assert [len(rows) for rows in seen.values()] == [5, 3, 8]
    again = BucketOrder([5, 3, 8], batch=4, seed=2)
    assert torch.equal(again.at(7)[1], order.at(7)[1])


def test_pictures_go_to_the_bucket_of_their_shape_once(folder, tmp_path):
    pictures = _load(folder, tmp_path, class_columns=("kind",))
    assert [tuple(bucket.pixels.shape) for bucket in pictures.buckets] == [
        (2, 3, 32, 32),
        (1, 3, 24, 48),
        (1, 3, 48, 24),
    ]
    assert pictures.class_names == ["cold", "none", "warm"]
    assert pictures.buckets[0].classes.tolist() == [2, 1]
    assert pictures.buckets[1].captions == ["a green thing"]
    red = pictures.buckets[0].pictures(torch.tensor([0]))
    assert red[0, :, 5, 5].tolist() == [1.0, -1.0, -1.0]
    (cache,) = tmp_path.iterdir()
    before = cache.stat().st_mtime_ns
    _load(folder, tmp_path, class_columns=("kind",))
    assert [path.stat().st_mtime_ns for path in tmp_path.iterdir()] == [before]


@pytest.mark.parametrize(
    ("kind", "value", "left"),
    [
        ("url", "https://a.org/0", 3),
        ("domain", "b.org", 3),
        ("sha256", hashlib.sha256(PICTURES[2]).hexdigest(), 3),
        ("text", "by ada", 3),
        ("text", "thing", 1),
        ("path", "3.png", 3),
        ("path", "nowhere.png", 4),
    ],
)
def test_what_people_asked_to_leave_out_is_not_trained_on(folder, tmp_path, kind, value, left):
    assert len(_load(folder, tmp_path, LeftOut(**{kind: frozenset([value])}))) == left


def test_nothing_left_is_refused(folder, tmp_path):
    with pytest.raises(Refused, match="no pictures left"):
        _load(folder, tmp_path, LeftOut(domain=frozenset(["org"])))
    with pytest.raises(Refused, match="has no column 'text'"):
        _load(folder, tmp_path, caption_column="text")
    with pytest.raises(Refused, match=r"Check 'dataset.split'"):
        _load(folder, tmp_path, split="nowhere")


DAMAGED = [None, b"", b"no picture at all", PICTURES[1][:90], PICTURES[1][:60] + b"\0" * 9 + PICTURES[1][69:]]


@pytest.mark.parametrize("damaged", DAMAGED)
def test_an_empty_or_damaged_picture_is_named_by_row_and_column(tmp_path, damaged):
    first, *others = [{"bytes": data, "path": "x.png"} for data in (PICTURES[0], PICTURES[2], damaged)]
    rows = [first, *others[:1], None if damaged is None else others[1]]
    features = Features({"photo": Image(), "caption": Value("string")})
    table = Dataset.from_dict({"photo": rows, "caption": ["left out", "b", "c"]}, features=features)
    (tmp_path / "set" / "data").mkdir(parents=True)
    table.to_parquet(tmp_path / "set" / "data" / "train-00000-of-00001.parquet")
    told = r"olumn 'photo'.*Repair it, or take the row out"
    with pytest.raises(Refused, match=told) as refused:
        _load(tmp_path / "set", tmp_path, LeftOut(text=frozenset(["left out"])), image_column="photo")
    assert "ow 2 of 'train'" in str(refused.value)


def test_a_row_without_a_sound_is_named(tmp_path):
    undecoded = Features({"audio": {"bytes": Value("binary"), "path": Value("string")}})
    rows = {"audio": [{"bytes": sound(), "path": "a.wav"}, None]}
    (tmp_path / "set" / "data").mkdir(parents=True)
    Dataset.from_dict(rows, features=undecoded).to_parquet(tmp_path / "set" / "data" / "train-00000-of-00001.parquet")
    config = SoundsConfig(path=str(tmp_path / "set"), sample_rate=8000)
    with pytest.raises(Refused, match=r"The sound of row 1 of 'train' in the column 'audio' cannot be read"):
        load_sounds(config, look_up(config), LeftOut(), tmp_path)


def test_frozen_networks_are_asked_once(folder, tmp_path):
    pictures = _load(folder, tmp_path)
    asked = []

    def encode(some):
        asked.append(len(some))
        return some[:, :1], some[:, :1].abs()

    first = latents_of(pictures, encode, tmp_path, named=["a"])
    again = latents_of(pictures, encode, tmp_path, named=["a"])
    assert asked == [2, 1, 1]
    assert all(torch.equal(one.mean, other.mean) for one, other in zip(first, again, strict=True))
    rows = torch.tensor([1])
    drawn = first[0].drawn(rows, torch.Generator().manual_seed(0))
    noise = torch.randn(drawn.shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(drawn, first[0].mean[rows] + first[0].deviation[rows] * noise)
    latents_of(pictures, encode, tmp_path, named=["b"])
    assert len(asked) == 6

    def embed(some):
        asked.append(some)
        return torch.tensor([[float(len(text))] for text in some])

    for _ in range(2):
        texts = texts_of(["bb", "a", "bb"], embed, tmp_path, named=["a"])
        assert texts.of(["a", "bb", "a"]).tolist() == [[1.0], [2.0], [1.0]]
    assert asked[6:] == [["a", "bb"]]


def test_large_files_in_a_folder_are_known_without_reading_them_into_memory(tmp_path):
    with (tmp_path / "a.parquet").open("wb") as file:
        file.truncate(64 * 2**20)
    tracemalloc.start()
    source = look_up(PicturesConfig(path=str(tmp_path))).source
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert source.revision == hashlib.sha256(b"a.parquet\0" + bytes(64 * 2**20)).hexdigest()
    assert most < 8 * 2**20


def test_pictures_are_turned_as_their_camera_was_held(tmp_path):
    turned = Pictures.new("RGB", (64, 32), "red")
    turned.paste("blue", (0, 0, 32, 32))
    exif = Pictures.Exif()
    exif[0x0112] = 6  # to be turned by a quarter before it is shown
    buffer = io.BytesIO()
    turned.save(buffer, "PNG", exif=exif)
    rows = {"image": [{"bytes": buffer.getvalue(), "path": "a.png"}]}
    Dataset.from_dict(rows, features=Features({"image": Image()})).to_parquet(tmp_path / "train-0.parquet")
    (bucket,) = _load(tmp_path, tmp_path / "cache", caption_column="").buckets
    assert tuple(bucket.pixels.shape) == (1, 3, 48, 24)
    red, blue = bucket.pixels[0, 0].float(), bucket.pixels[0, 2].float()
    assert (blue[:8].mean() > 200, red[-8:].mean() > 200) == (True, True)


def _folder_of_files(folder):
    """As people lay pictures down: files, and a table that names and captions them."""
    (folder / "train").mkdir(parents=True)
    lines = []
    for place, data in enumerate(PICTURES):
        (folder / "train" / f"{place}.png").write_bytes(data)
        lines.append({"file_name": f"{place}.png", "text": None if place == 3 else f"number {place}"})
    (folder / "train" / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return folder


def test_pictures_may_lie_as_files_beside_their_captions(tmp_path):
    folder = _folder_of_files(tmp_path / "set")
    keys = {"caption_column": "text", "without_caption": "empty"}
    assert _load(folder, tmp_path, **keys).captions == ["number 0", "", "number 1", "number 2"]
    config = SquaresConfig(path=str(folder), size=32, **keys)
    (squares,) = load_pictures(config, look_up(config), LeftOut(), tmp_path).buckets
    assert squares.captions == ["number 0", "number 1", "number 2", ""]
    assert squares.pixels[0, :, 5, 5].tolist() == [255, 0, 0]
    for kind, value in (("sha256", hashlib.sha256(PICTURES[2]).hexdigest()), ("path", "train/2.png")):
        left_out = LeftOut(**{kind: frozenset([value])})
        assert _load(folder, tmp_path, left_out, **keys).captions == ["number 0", "", "number 1"]
        squares = load_pictures(config, look_up(config), left_out, tmp_path)
        assert squares.captions == ["number 0", "number 1", ""]
    before = look_up(config).source.revision
    (folder / "train" / "metadata.jsonl").write_text('{"file_name": "0.png", "text": "other"}', encoding="utf-8")
    assert look_up(config).source.revision != before, "captions are part of the data"


def test_a_picture_without_a_caption_is_named_unless_it_is_meant(tmp_path):
    folder = _folder_of_files(tmp_path / "set")
    told = r"Row 3 of 'train' has no caption in the column 'text'.*without_caption: empty"
    with pytest.raises(Refused, match=told):
        _load(folder, tmp_path, caption_column="text")


def test_a_folder_without_data_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("# Nothing", encoding="utf-8")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.parquet").write_bytes(b"x")
    with pytest.raises(Refused, match=r"holds no data. Check 'dataset.path'"):
        look_up(PicturesConfig(path=str(tmp_path)))
    (tmp_path / "notes.xyz").write_text("words", encoding="utf-8")
    with pytest.raises(Refused, match=r"cannot be read.*Check 'dataset.split'"):
        _load(tmp_path, tmp_path)


def test_without_a_test_split_the_first_rows_are_held_back(folder, tmp_path):
    keys = {"test_split": "", "most_test": 2, "ratios": (1.0,), "caption_column": "caption"}
    config = PicturesConfig(path=str(folder), size=32, **keys)
    require_one_place(config)
    facts = look_up(config)
    assert load_pictures(config, facts, LeftOut(), tmp_path).captions == ["a blue thing by Ada", "nothing"]
    assert load_pictures(config, facts, LeftOut(), tmp_path, test=True).captions == ["A red thing", "a green thing"]
    # Whoever is left out moves nobody from one part into the other.
    left_out = LeftOut(text=frozenset(["red"]))
    assert load_pictures(config, facts, left_out, tmp_path).captions == ["a blue thing by Ada", "nothing"]
    assert load_pictures(config, facts, left_out, tmp_path, test=True).captions == ["a green thing"]


def test_parts_that_cannot_be_are_refused(folder, tmp_path):
    with pytest.raises(Refused, match="says how many rows are held back"):
        require_one_place(PicturesConfig(path="x", test_split="", most_test=0))
    with pytest.raises(Refused, match="0 or more"):
        require_one_place(PicturesConfig(path="x", most=-1))
    config = PicturesConfig(path=str(folder), caption_column="caption", size=32)
    with pytest.raises(Refused, match=r"'dataset.test_split': set it to a split that is there, or to nothing"):
        load_pictures(config, look_up(config), LeftOut(), tmp_path, test=True)


def test_pictures_that_would_be_cropped_apart_are_refused(tmp_path):
    rows = {"image": [], "mask": []}
    for place, mask in enumerate(((32, 32), (120, 40))):
        rows["image"].append({"bytes": PICTURES[0], "path": f"{place}.png"})
        rows["mask"].append({"bytes": _png(mask, "white"), "path": f"m{place}.png"})
    features = Features({"image": Image(), "mask": Image()})
    (tmp_path / "set").mkdir()
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "set" / "train-0.parquet")
    config = PicturesConfig(path=str(tmp_path / "set"), image_column="mask", size=32, most=1)
    facts = look_up(config)
    assert len(load_pictures(config, facts, LeftOut(), tmp_path, beside="image")) == 1, "of another size, and alike"
    told = r"'mask' and 'image' of row 1 of 'train' have different shapes, 120 by 40 and 64 by 64"
    with pytest.raises(Refused, match=told):
        load_pictures(replace(config, most=0), facts, LeftOut(), tmp_path, beside="image")
