import pytest

from hub.algorithms.data_files import splits_of


def named(metadata, *paths):
    return {(one.config, one.split): one.paths for one in splits_of(metadata, paths)}


def test_shards_that_push_to_hub_writes():
    found = named(
        {},
        "README.md",
        "data/test-00000-of-00001.parquet",
        "data/train-00001-of-00002.parquet",
        "data/train-00000-of-00002.parquet",
        "data/extra-00000-of-00001-0123456789abcdef.parquet",
    )
    assert list(found) == [("default", "train"), ("default", "test"), ("default", "extra")]
    assert found["default", "train"] == ("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet")


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("train.csv", "train"),
        ("my_train_file.csv", "train"),
        ("training-set.jsonl", "train"),
        ("dev.json", "validation"),
        ("val.csv", "validation"),
        ("data/validation.csv", "validation"),
        ("test/a.csv", "test"),
        ("x/eval-1/a.csv", "test"),
        ("anything.csv", "train"),
        ("contest.csv", "train"),
        ("latest/a.csv", "train"),
    ],
)
def test_words_in_names(path, split):
    assert named({}, path) == {("default", split): (path,)}


def test_folders_count_before_names():
    assert named({}, "train/test.csv", "test/train.csv") == {
        ("default", "train"): ("train/test.csv",),
        ("default", "test"): ("test/train.csv",),
    }


def test_the_card_decides_and_its_default_comes_first():
    configs = [
        {
            "config_name": "en",
            "data_files": [{"split": "train", "path": "en/*.parquet"}, {"split": "test", "path": ["t.parquet"]}],
        },
        {"config_name": "zh", "data_files": "zh/**/*.parquet", "default": True},
        {"config_name": "dir", "data_dir": "more"},
        {"config_name": "map", "data_files": {"dev": "t.parquet"}},
    ]
    paths = [
        "en/1.parquet",
        "en/deep/2.parquet",
        "t.parquet",
        "zh/a/b.parquet",
        "zh/c.parquet",
        "more/test.csv",
        "other.csv",
    ]
    assert named({"configs": configs}, *paths) == {
        ("zh", "train"): ("zh/a/b.parquet", "zh/c.parquet"),
        ("en", "train"): ("en/1.parquet",),
        ("en", "test"): ("t.parquet",),
        ("dir", "test"): ("more/test.csv",),
        ("map", "dev"): ("t.parquet",),
    }


def test_the_commonest_format_of_a_split_is_taken():
    (found,) = splits_of({}, ["a.csv", "b.csv", "c.parquet"])
    assert (found.format, found.paths) == ("csv", ("a.csv", "b.csv"))


@pytest.mark.parametrize(
    "configs",
    [
        None,
        "x",
        [],
        [1],
        [{"config_name": "a"}],
        [{"data_files": 3}],
        [{"data_files": [{"path": None}]}],
        [{"data_files": "[", "config_name": "a/b"}],
        [{"data_files": "[z-a]"}],
        [{"data_files": {"a/b": "*"}}],
    ],
)
def test_odd_cards_do_no_harm(configs):
    assert all("/" not in one.config + one.split for one in splits_of({"configs": configs}, ["train.csv"]))


def test_hidden_files_and_metadata_are_no_tables():
    assert splits_of({}, [".cache/a.csv", "__pycache__/a.json", "dataset_infos.json", "README.md", "a.bin"]) == []
