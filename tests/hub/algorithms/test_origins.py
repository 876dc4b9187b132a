import json

import pytest

from hub.algorithms import origins
from hub.algorithms.cards import parse, tags_of
from hub.algorithms.drawing import place
from hub.algorithms.provenance import Source


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            (
                "models:\n  - model: a/one\n    parameters: {weight: 0.75}\n"
                "  - model: a/two@abc\n    parameters: {weight: [0.2, 0.3]}"
            ),
            [("a/one", "", 3), ("a/two", "abc", 1)],
        ),
        ("models: [{model: a/one}, {model: b/two+c/lora}]\nbase_model: a/one", [("a/one", "", 1), ("b/two", "", 1)]),
        (
            (
                "slices:\n- sources:\n  - {model: a/one, layer_range: [0, 24]}\n"
                "- sources:\n  - {model: a/two, layer_range: [16, 32]}"
            ),
            [("a/one", "", 3), ("a/two", "", 2)],
        ),
        ("base_model: {model: {path: a/base, revision: v1}}\nmodels: []", [("a/base", "v1", 1)]),
        ("models: [&x {model: a/one}, *x]", []),
        ("models: 3\nbase_model: /etc/passwd", []),
        ("!!python/object:os.system x", []),
        ("[", []),
    ],
)
def test_merges_are_read_with_their_ratios(text, found):
    assert [(one.repository, one.revision, one.weight) for one in origins.of_merge(text)] == found
    assert all(one.kind == "merge" for one in origins.of_merge(text))


@pytest.mark.parametrize("text", [None, "", "[]", "{", '{"base_model_name_or_path": "./local"}'])
def test_an_adapter_that_names_nothing_gives_nothing(text):
    assert origins.of_adapter(text) == ()


def test_an_adapter_names_its_base():
    text = json.dumps({"base_model_name_or_path": "a/base", "revision": "f" * 40})
    assert origins.of_adapter(text) == (Source("a/base", "f" * 40, "adapter"),)


@pytest.mark.parametrize(
    ("card", "relation"),
    [
        ("base_model: a/b", "finetune"),
        ("base_model: [a/b]\nbase_model_relation: quantized", "quantized"),
        ("base_model: a/b\nlibrary_name: peft", "adapter"),
        ("base_model: [a/b, a/c]", "merge"),
    ],
)
def test_tags_spell_the_relation_as_the_hub_does(card, relation):
    tags = tags_of(parse(f"---\n{card}\n---\n"), "model")
    assert {"base_model:a/b", f"base_model:{relation}:a/b"} <= set(tags)


def test_a_drawing_gives_every_node_a_place_of_its_own():
    levels = {"root": 0, **{f"up{n}": -1 for n in range(5)}, "down": 1}
    picture = place(levels, [(f"up{n}", "root") for n in range(5)] + [("root", "down")])
    assert len(set(picture.places.values())) == 7
    assert all(0 <= x < picture.width and 0 <= y < picture.height for x, y in picture.places.values())
    assert picture.places["up0"][1] < picture.places["root"][1] < picture.places["down"][1]
