"""The questions of gated repositories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.algorithms import gate_forms
from hub.algorithms.gate_forms import AnswersInvalid, FormInvalid, Question

YAML = """
Company: text
Country: country
Date: date_picker
I want to use it for:
  type: select
  options:
    - Research
    - label: Something else
      value: other
Remarks:
  type: text
  required: false
I agree to name the authors: checkbox
"""
FULL = {
    "Company": "Northwind",
    "Country": "Norway",
    "Date": "2026-11-30",
    "I want to use it for": "other",
    "I agree to name the authors": True,
}


def test_all_kinds_of_questions():
    questions = gate_forms.read_questions(YAML)

    assert [(one.kind, one.is_required) for one in questions] == [
        ("text", True),
        ("country", True),
        ("date_picker", True),
        ("select", True),
        ("text", False),
        ("checkbox", True),
    ]
    assert questions[3].options == (("Research", "Research"), ("other", "Something else"))
    assert gate_forms.checked(questions, FULL) == FULL | {"Remarks": ""}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"Company": " "}, "must be answered"),
        ({"Company": "x" * 2001}, "more than 2000"),
        ({"Date": "tomorrow"}, "must be a date"),
        ({"I want to use it for": "Something else"}, "none of the choices"),
        ({"I agree to name the authors": False}, "must be ticked"),
    ],
)
def test_bad_answers_are_named(answer, fault):
    with pytest.raises(AnswersInvalid, match=fault) as refusal:
        gate_forms.checked(gate_forms.read_questions(YAML), FULL | answer)
    assert list(refusal.value.faults) == list(answer)


@pytest.mark.parametrize(
    "yaml",
    ["- a\n- b", "Company: video", "Company: 3", "Use: {type: select}", "Use: {type: select, options: [[]]}",
     "a: &x text\nb: *x", "\n".join(f"q{i}: text" for i in range(31)), "'': text", "a: [", "a: {type: [text]}"],
)  # fmt: skip
def test_bad_questions_are_refused_and_left_out_of_cards(yaml):
    with pytest.raises(FormInvalid):
        gate_forms.read_questions(yaml)


def test_a_card_is_read_tolerantly():
    card = {"extra_gated_prompt": "Please", "extra_gated_button_content": 3, "extra_gated_fields": ["no"]}

    form = gate_forms.of_card(card)

    assert (form.prompt, form.button, form.heading, form.questions) == ("Please", "3", "", ())
    assert gate_forms.of_card({"extra_gated_fields": {"Why": "text"}}).questions == (Question("Why"),)


WORDS = st.text(max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | WORDS
QUESTIONS = LEAVES | st.dictionaries(
    st.sampled_from(["type", "options", "required"]), LEAVES | st.lists(LEAVES, max_size=3)
)
FIELDS = LEAVES | st.lists(QUESTIONS, max_size=3) | st.dictionaries(WORDS, QUESTIONS, max_size=3)


@given(FIELDS, st.dictionaries(WORDS, LEAVES, max_size=3))
def test_no_card_and_no_answer_breaks_it(fields, answers):
    questions = gate_forms.of_card({"extra_gated_fields": fields, "extra_gated_prompt": fields}).questions
    try:
        kept = gate_forms.checked(questions, answers)
    except AnswersInvalid:
        return
    assert set(kept) == {question.label for question in questions}
