"""What a job that runs a recipe will read and make, as far as its command line says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compute.recipes.configuration import settings_of
from compute.recipes.refusal import Refused

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
PREFIX = "compute.recipes."
# Where recipes name the models that they start from or build on.
BASES = (("base",), ("autoencoder",), ("teacher",), ("text",), ("model", "base"))


@dataclass(frozen=True)
class Inputs:
    """`licence` is None where a file that only the job has may say it."""

    dataset: str
    bases: tuple[str, ...]
    licence: str | None
    accepted_dataset: str
    accepted_base: str


def inputs_of(argv: Sequence[str]) -> Inputs | None:
    """None for a command that runs no recipe, or one that its program will refuse itself."""
    words = list(argv)
    if "-m" not in words:
        return None
    recipe = next((word.removeprefix(PREFIX) for word in words if word.startswith(PREFIX)), "")
    name = _value_after(words, "--config")
    if not recipe.isidentifier() or not name:
        return None
    shipped = RECIPES / recipe / "configs" / f"{name}.yaml"
    is_shipped = Path(name).name == name and shipped.exists()
    overrides = [words[place + 1] for place, word in enumerate(words[:-1]) if word == "--set"]
    try:
        plain = settings_of(shipped if is_shipped else None, overrides)
    except Refused:
        return None
    return Inputs(
        dataset=_text(plain, ("dataset", "id")),
        bases=tuple(name for path in BASES if (name := _text(plain, path) or _text(plain, (*path, "id")))),
        licence=_text(plain, ("publish", "licence")) or ("apache-2.0" if is_shipped else None),
        accepted_dataset=_text(plain, ("accept_dataset_licence",)),
        accepted_base=_text(plain, ("accept_base_licence",)),
    )


def _value_after(words: list[str], option: str) -> str:
    place = words.index(option) + 1 if option in words else len(words)
    return words[place] if place < len(words) else ""


def _text(plain: dict[str, Any], path: tuple[str, ...]) -> str:
    value: Any = plain
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
