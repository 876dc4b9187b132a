"""What a gated repository asks of those who want in: `extra_gated_…` of a card, or the same YAML by hand.

Source of the form: the Hub's cards, `extra_gated_fields`. Kinds of questions: text, checkbox,
select, date_picker and country. A question must be answered unless it says `required: false`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from hub.algorithms.cards import CardUnreadable, read_block

KINDS = ("text", "checkbox", "select", "date_picker", "country")
MAX_QUESTIONS, MAX_OPTIONS = 30, 300
MAX_LABEL, MAX_ANSWER = 500, 2000


class FormInvalid(ValueError):
    """The questions cannot be asked; the text says why, for their author."""


class AnswersInvalid(ValueError):
    """Some questions are not answered; `faults` says what is wrong, by label."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("; ".join(f"{label}: {fault}" for label, fault in faults.items()))
        self.faults = faults


@dataclass(frozen=True)
class Question:
    """`options` are (value, label) of a select."""

    label: str
    kind: str = "text"
    is_required: bool = True
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class GateForm:
    """Empty texts stand for the site's own words."""

    heading: str = ""
    prompt: str = ""
    button: str = ""
    questions: tuple[Question, ...] = ()


def of_card(card: Mapping[str, Any]) -> GateForm:
    """Read tolerantly: what has the wrong form on a card is left out."""
    try:
        questions = _questions(card.get("extra_gated_fields") or {})
    except FormInvalid:
        questions = ()
    return GateForm(
        heading=_text(card.get("extra_gated_heading"), 200),
        prompt=_text(card.get("extra_gated_prompt") or card.get("extra_gated_description"), 20_000),
        button=_text(card.get("extra_gated_button_content"), 100),
        questions=questions,
    )


def read_questions(yaml: str) -> tuple[Question, ...]:
    """The questions that somebody wrote on the settings page. Raises FormInvalid."""
    try:
        return _questions(read_block(yaml))
    except CardUnreadable as error:
        raise FormInvalid(str(error)) from error


def checked(questions: tuple[Question, ...], given: Mapping[str, Any]) -> dict[str, str | bool]:
    """The answers by label, as they are kept. Unknown labels are left out. Raises AnswersInvalid."""
    answers: dict[str, str | bool] = {}
    faults: dict[str, str] = {}
    for question in questions:
        value = given.get(question.label)
        if question.kind == "checkbox":
            ticked = value is True or str(value).lower() in {"on", "true", "1", "yes"}
            answers[question.label] = ticked
            fault = "must be ticked" if question.is_required and not ticked else ""
        else:
            text = _text(value, MAX_ANSWER + 1)
            answers[question.label] = text
            fault = _fault(question, text)
        if fault:
            faults[question.label] = fault
    if faults:
        raise AnswersInvalid(faults)
    return answers


def _fault(question: Question, text: str) -> str:
    if not text:
        return "must be answered" if question.is_required else ""
    if len(text) > MAX_ANSWER:
        return f"has more than {MAX_ANSWER} characters"
    if question.kind == "select" and text not in {value for value, _label in question.options}:
        return "is none of the choices"
    if question.kind == "date_picker":
        try:
            date.fromisoformat(text)
        except ValueError:
            return "must be a date such as 2026-11-30"
    return ""


def _questions(fields: Any) -> tuple[Question, ...]:
    if not isinstance(fields, Mapping):
        raise FormInvalid("the questions must be lines of `Question: kind`")
    if len(fields) > MAX_QUESTIONS:
        raise FormInvalid(f"there are more than {MAX_QUESTIONS} questions")
    return tuple(_question(_text(label, MAX_LABEL), value) for label, value in fields.items())


def _question(label: str, value: Any) -> Question:
    if not label:
        raise FormInvalid("a question has no words")
    if isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, Mapping):
        raise FormInvalid(f"{label!r} must name its kind, one of {', '.join(KINDS)}")
    kind = value.get("type", "text")
    if kind not in KINDS:
        raise FormInvalid(f"{label!r} is of no known kind; use one of {', '.join(KINDS)}")
    options = _options(label, value.get("options")) if kind == "select" else ()
    is_required = value.get("required", not value.get("optional", False))
    return Question(label, kind, is_required is not False, options)


def _options(label: str, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_OPTIONS:
        raise FormInvalid(f"{label!r} needs 1 to {MAX_OPTIONS} options")
    found = []
    for option in value:
        shown = option.get("label") if isinstance(option, Mapping) else option
        kept = option.get("value", shown) if isinstance(option, Mapping) else option
        pair = (_text(kept, 200), _text(shown, 200))
        if not all(pair):
            raise FormInvalid(f"an option of {label!r} has no words")
        found.append(pair)
    return tuple(dict(found).items())


def _text(value: Any, most: int) -> str:
    return str(value).strip()[:most] if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
