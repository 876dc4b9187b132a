import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.algorithms import cards


def card(text):
    return cards.parse(f"---\n{text}\n---\n# Title\n")


def test_a_card_gives_its_facts():
    facts = card(
        "license: MIT\ntags: [a, b, a]\npipeline_tag: text-to-image\nlibrary_name: diffusers\n"
        "datasets: x/y\nbase_model: [p/q]\nlanguage: [en, no]\nmodel-index: [{name: z}]\nreleased: 2024-01-02"
    )

    assert (facts.license, facts.pipeline_tag, facts.library_name) == ("mit", "text-to-image", "diffusers")
    assert (facts.tags, facts.datasets, facts.base_models) == (("a", "b"), ("x/y",), ("p/q",))
    assert facts.languages == ("en", "no")
    assert facts.model_index == ({"name": "z"},)
    assert facts.metadata["released"] == "2024-01-02"


@pytest.mark.parametrize("text", ["", "# Only text\n", "---\nno end\n", "\n\n---", "----\na: b\n----\n"])
def test_no_block_is_no_card(text):
    assert cards.parse(text) == cards.CardFacts()


@pytest.mark.parametrize(
    "block",
    [
        "a: &a [x, x]\nb: [*a, *a]",
        "a: &a {b: 1}\nc:\n  <<: *a",
        "[" * 500 + "]" * 500,
        "- just\n- a list",
        "a: [1, 2",
        "a: !!python/object/apply:os.system ['true']",
        "a: " + "9" * 5000,
        "a: " + "x" * 300_000,
        "? [a, b]\n: c\n? {d: e}\n: f",
    ],
)
def test_what_is_dangerous_or_broken_has_a_problem(block):
    facts = card(block)

    assert facts.problem
    assert facts.metadata == {}


def test_values_become_json_that_a_database_takes():
    facts = card('a: .nan\nb: .inf\nc: "x\\0y"\n1: 2\nd: !!binary aGk=\ne: !!set {x, y}\nf: 12:30:45')

    assert json.loads(json.dumps(facts.metadata, allow_nan=False)) == facts.metadata
    assert facts.metadata["c"] == "xy"


@given(st.text(max_size=300))
def test_parse_never_raises(text):
    json.dumps(cards.parse(f"---\n{text}\n---\n").metadata, allow_nan=False)


def test_tags_in_the_spelling_of_the_hub():
    text = "license: mit\nlanguage: en\ntags: [shapes]\nsize_categories: [1K<n<10K]\ntask_categories: [text-to-image]"

    assert cards.tags_of(card(text), "dataset") == [
        "shapes", "language:en", "license:mit", "size_categories:1K<n<10K", "task_categories:text-to-image",
    ]  # fmt: skip
    assert cards.tags_of(card(text), "model") == ["shapes", "en", "license:mit"]


def test_faults_are_told_before_a_commit():
    assert cards.faults("# No block", "model") == ([], ["empty or missing yaml metadata in repo card"])
    assert cards.faults("---\nlicense: mit\n---\n", "model") == ([], [])
    errors, _warnings = cards.faults("---\nlicense: mine\npipeline_tag: [a]\n---\n", "model")
    assert errors[0] == '"pipeline_tag" must be a string'
    assert errors[1].startswith('"license" must be one of [apache-2.0, mit')
