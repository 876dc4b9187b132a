"""Cards: the YAML block at the top of README.md, read tolerantly and safely.

A card is written by strangers. Anchors and aliases are refused (they can blow up to
gigabytes), as are deep nesting and great length; whatever is left becomes plain JSON.
"""

import math
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml

from hub.algorithms.licences import LICENCES

FILE = "README.md"
MAX_FILE = 1024 * 1024
MAX_LENGTH = 256 * 1024
MAX_DEPTH = 30
MAX_BITS = 1024
_FENCED = re.compile(r"\A\ufeff?\s*---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)

# Keys of a data set's card whose values become tags of the form key:value.
DATASET_TAGS = (
    "annotations_creators", "benchmark", "language", "language_creators", "license", "multilinguality",
    "size_categories", "source_datasets", "task_categories", "task_ids",
)  # fmt: skip


RELATIONS = ("finetune", "adapter", "merge", "quantized", "distilled")


class CardUnreadable(Exception):
    """The block is not usable YAML; the text says why, for the author."""


@dataclass(frozen=True)
class CardFacts:
    """What a card says, in one spelling: single strings where one is expected, lists elsewhere.

    `metadata` is the whole block as JSON. `problem` says why it could not be read; then
    everything else is empty.
    """

    metadata: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    license: str = ""
    pipeline_tag: str = ""
    library_name: str = ""
    datasets: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    model_index: tuple[Any, ...] = ()
    problem: str = ""


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases and without deep nesting."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise CardUnreadable("aliases (&name, *name) are not allowed in a card")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise CardUnreadable(f"the metadata is nested deeper than {MAX_DEPTH} levels")
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def split(text: str) -> tuple[str | None, str]:
    """The YAML block (None when there is none) and the text after it."""
    found = _FENCED.match(text)
    if found is None:
        return None, text
    return found.group(1), text[found.end() :]


def read_yaml(text: str) -> Any:
    """A YAML document of strangers as JSON values. Raises CardUnreadable."""
    if len(text) > MAX_LENGTH:
        raise CardUnreadable(f"the metadata is longer than {MAX_LENGTH} characters")
    try:
        value = yaml.load(text, Loader=_PlainLoader)  # noqa: S506 - a SafeLoader, made stricter
    except yaml.YAMLError as error:
        raise CardUnreadable(f"bad indentation or syntax: {error}") from error
    except (ValueError, RecursionError, OverflowError, TypeError) as error:
        raise CardUnreadable(f"a value cannot be read: {error}") from error
    return _plain(value)


def read_block(block: str) -> dict[str, Any]:
    """The block as JSON values. Raises CardUnreadable."""
    value = read_yaml(block)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CardUnreadable("the metadata must be a list of `name: value` lines")
    return value


def parse(text: str) -> CardFacts:
    """The facts of a README. Never raises: a card that cannot be read has a `problem`."""
    block, _body = split(text)
    if block is None:
        return CardFacts()
    try:
        metadata = read_block(block)
    except CardUnreadable as error:
        return CardFacts(problem=str(error))
    return facts_of(metadata)


def facts_of(metadata: dict[str, Any]) -> CardFacts:
    """The facts of a block that was read before."""
    return CardFacts(
        metadata=metadata,
        tags=_words(metadata.get("tags")),
        license=_first(metadata.get("license")).lower(),
        pipeline_tag=_first(metadata.get("pipeline_tag")),
        library_name=_first(metadata.get("library_name")),
        datasets=_words(metadata.get("datasets")),
        base_models=_words(metadata.get("base_model")),
        languages=tuple("no" if word == "False" else word for word in _words(metadata.get("language"))),
        metrics=_words(metadata.get("metrics")),
        model_index=tuple(metadata["model-index"]) if isinstance(metadata.get("model-index"), list) else (),
    )


def tags_of(facts: CardFacts, kind: str) -> list[str]:
    """Everything a list can be filtered by, in the Hub's own spelling."""
    found = list(facts.tags)
    if kind == "dataset":
        for key in DATASET_TAGS:
            values = facts.languages if key == "language" else _words(facts.metadata.get(key))
            found += [f"{key}:{value}" for value in values]
    else:
        found += [facts.library_name, facts.pipeline_tag, *facts.languages]
        found += [f"dataset:{name}" for name in facts.datasets]
        relation = relation_of(facts)
        for name in facts.base_models:
            found += [f"base_model:{name}", f"base_model:{relation}:{name}"]
        found += [f"license:{facts.license}"] if facts.license else []
    return list(dict.fromkeys(tag[:300] for tag in found if tag))


def relation_of(facts: CardFacts) -> str:
    """How a model came out of its base models: as the card says, or as its library and their number suggest."""
    said = facts.metadata.get("base_model_relation")
    if isinstance(said, str) and said in RELATIONS:
        return said
    if facts.library_name == "peft":
        return "adapter"
    return "merge" if len(facts.base_models) > 1 else "finetune"


def faults(text: str, kind: str) -> tuple[list[str], list[str]]:
    """Errors and warnings about a README, as shown to its author before a commit."""
    block, _body = split(text)
    if block is None:
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        metadata = read_block(block)
    except CardUnreadable as error:
        return [f"YAML Metadata Error: {error}"], []
    if not metadata:
        return [], ["empty or missing yaml metadata in repo card"]
    errors = [f'"{key}" must be a string' for key in ("pipeline_tag", "library_name") if not _is_text(metadata, key)]
    errors += [f'"{key}" must be a list of strings' for key in ("tags", "datasets") if not _is_list(metadata, key)]
    unknown = [word for word in _words(metadata.get("license")) if word.lower() not in LICENCES]
    if unknown or not isinstance(metadata.get("license", ""), str | list | None):
        errors.append(f'"license" must be one of [{", ".join(LICENCES)}]')
    if "model-index" in metadata and not isinstance(metadata["model-index"], list):
        errors.append('"model-index" must be a list')
    return errors, []


def _is_text(metadata: dict[str, Any], key: str) -> bool:
    return isinstance(metadata.get(key, ""), str | None)


def _is_list(metadata: dict[str, Any], key: str) -> bool:
    value = metadata.get(key)
    return (
        value is None
        or isinstance(value, str)
        or (isinstance(value, list) and all(isinstance(word, str | int | float) for word in value))
    )


def _words(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    words = [str(word).strip() for word in values if isinstance(word, str | int | float | bool)]
    return tuple(dict.fromkeys(word for word in words if word))


def _first(value: Any) -> str:
    words = _words(value)
    return words[0][:100] if words else ""


def _plain(value: Any) -> Any:
    """JSON that PostgreSQL can store: text keys, no NUL, no NaN, dates as text."""
    if isinstance(value, dict):
        return {_text(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return hex(value)  # Python does not write out very long numbers, and nobody means them
    if value is None or isinstance(value, bool | int | float):
        return value
    return value.isoformat() if isinstance(value, date) else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return hex(value)
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
