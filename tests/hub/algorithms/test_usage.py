"""What is read out of cards and indexes for the panel “Use it”; tests/hub/views/test_usage.py pastes the code."""

import ast

import pytest

from hub.algorithms.snippets import quoted
from hub.algorithms.usage import absent_of, prompt_of, word_of


@pytest.mark.parametrize(
    ("card", "text", "prompt"),
    [
        ({}, "", ""),
        ({"widget": [{"text": " a  cat "}], "instance_prompt": "a dog"}, "pipe('x')", "a cat"),
        ({"widget": {"text": "a cat"}, "instance_prompt": 3}, "", ""),
        ({"widget": ["a", None, {"text": ["b"], "prompt": "a fox"}]}, "", "a fox"),
        ({"instance_prompt": "x" * 301}, "", ""),
        ({}, "picture = pipeline(\n    'a sks thing', height=3)", "a sks thing"),
        ({}, 'pipe(prompt="it\'s red")', "it's red"),
        ({}, 'prompt = "a hill"\npipe(prompt)', "a hill"),
        ({}, "pipe(f'{x}') and pipeline([0])", ""),
        ({}, "pipeline('''a\nb''')", ""),
    ],
)
def test_words_that_suit_a_model(card, text, prompt):
    assert prompt_of(card, text) == prompt


def test_a_word_is_named_by_the_code_in_the_card():
    assert word_of("load_textual_inversion(x, token='<sks>')") == "<sks>"
    assert word_of("a token of thanks") == ""


def test_parts_that_a_pipeline_was_saved_without():
    index = {"_class_name": "X", "text_encoder": ["a", "b"], "text_encoder_3": [None, None], "tokenizer": [None, None]}
    assert absent_of(index | {"image_encoder": [None, None], "text_encoder_x, y=1": [None, None]}) == (
        "text_encoder_3",
        "tokenizer",
    )


@pytest.mark.parametrize("text", ['a "b"', "it's", "红", "a\\nb\\", "a\nb", "\u202ea", '"\u2028'])
def test_texts_are_quoted_as_python_reads_them_and_as_people_see_them(text):
    assert ast.literal_eval(quoted(text)) == text
    assert quoted(text).isprintable()
