"""What the files and the card of a model say about how to use it: its class, its base, words that suit it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The names that diffusers gives to the weights of adapters.
LORA_FILE = "pytorch_lora_weights.safetensors"
WORD_FILE = "learned_embeds.safetensors"
PIPELINE_FILE = "model_index.json"
TWO_ENCODERS = frozenset({"clip_l", "clip_g"})  # the tensors of a word for a pipeline with two text encoders

LORA, WORD = "lora", "word"  # kinds of adapters

NEUTRAL = "a tree on a hill"
LONGEST = 300  # characters of a prompt that is shown as an example
_TEXT = r"""(?:"([^"\\\n]{1,300})"|'([^'\\\n]{1,300})')"""
_EXAMPLES = (
    re.compile(rf"\bpipe(?:line)?\(\s*(?:prompt\s*=\s*)?{_TEXT}"),
    re.compile(rf"^prompt\s*=\s*{_TEXT}", re.MULTILINE),
)
_WORD = re.compile(rf"\btoken\s*=\s*{_TEXT}")


@dataclass(frozen=True)
class Base:
    """The model that an adapter was made for; where it is here, its class and the parts that it does without."""

    name: str = ""
    is_here: bool = False
    pipeline: str = ""
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Usage:
    """`pipeline` is the class in model_index.json, `network` that in the config.json of a network that lies alone,
    `architecture` that of transformers; `absent` are encoders and tokenizers that a pipeline was saved without.
    An `adapter` (a LoRA, or the word of a textual inversion) is for a `base`; `word` is "" where nobody says it."""

    pipeline: str = ""
    network: str = ""
    architecture: str = ""
    absent: tuple[str, ...] = ()
    adapter: str = ""
    base: Base = Base()
    word: str = ""
    for_two_encoders: bool = False
    prompt: str = ""  # words that suit it


def prompt_of(card: Mapping[str, Any], text: str) -> str:
    """Words that suit the model: those of the card's widget, its `instance_prompt`, or of the first call in its text;
    "" where it says none."""
    return next(iter(_said(card)), "") or next(filter(None, (_first(pattern, text) for pattern in _EXAMPLES)), "")


def word_of(text: str) -> str:
    """The new word of a textual inversion, as the code in its card names it."""
    return _first(_WORD, text)


def absent_of(index: Mapping[str, Any]) -> tuple[str, ...]:
    """The encoders and tokenizers that a pipeline was saved without: stock classes want to be told."""
    names = (name for name, value in index.items() if value == [None, None])
    return tuple(name for name in names if re.fullmatch(r"(text_encoder|tokenizer)(_[1-9])?", name))


def _first(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return (match[1] or match[2]).strip() if match else ""


def _said(card: Mapping[str, Any]) -> list[str]:
    widgets = card.get("widget")
    rows = [row for row in widgets if isinstance(row, dict)] if isinstance(widgets, list) else []
    values = [*(row.get(name) for row in rows for name in ("text", "prompt")), card.get("instance_prompt")]
    texts = [" ".join(value.split()) for value in values if isinstance(value, str)]
    return [text for text in texts if 0 < len(text) <= LONGEST]
