"""What a job that runs a recipe will read and make, as far as its command line says."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from compute.recipes.configuration import build, settings_of
from compute.recipes.refusal import Refused

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
PREFIX = "compute.recipes."
LONGEST_SUMMARY = 80  # characters
REMEMBERED = 1000  # commands
# Where recipes name the models that they start from or build on.
BASES = (("base",), ("earlier",), ("autoencoder",), ("teacher",), ("text",), ("model", "base"))


@dataclass(frozen=True)
class Inputs:
    """`licence` is None where a file that only the job has may say it. `target` is where the model shall go."""

    dataset: str
    bases: tuple[str, ...]
    licence: str | None
    accepted_dataset: str
    accepted_base: str
    target: str
    private: bool


@dataclass(frozen=True)
class _Command:
    """`python -m compute.recipes.RECIPE --config CONFIG --set …`; `shipped` is the file when it is one of ours."""

    recipe: str
    config: str
    overrides: list[str]

    @property
    def shipped(self) -> Path | None:
        path = _configs(self.recipe) / f"{self.config}.yaml"
        return path if Path(self.config).name == self.config and path.exists() else None


def inputs_of(argv: Sequence[str]) -> Inputs | None:
    """None for a command that runs no recipe, or one that its program will refuse itself."""
    return _inputs_of(tuple(argv))


# Lists ask for each of their rows, and every answer reads YAML; shipped files do not change under a process.
@lru_cache(maxsize=REMEMBERED)
def _inputs_of(argv: tuple[str, ...]) -> Inputs | None:
    command = _command_in(argv)
    if command is None or not command.config:
        return None
    try:
        plain = settings_of(command.shipped, command.overrides)
    except Refused:
        return None
    return Inputs(
        dataset=_text(plain, ("dataset", "id")),
        bases=tuple(name for path in BASES if (name := _text(plain, path) or _text(plain, (*path, "id")))),
        licence=_text(plain, ("publish", "licence")) or ("apache-2.0" if command.shipped else None),
        accepted_dataset=_text(plain, ("accept_dataset_licence",)),
        accepted_base=_text(plain, ("accept_base_licence",)),
        target=_text(plain, ("publish", "repo_id")),
        private=_at(plain, ("publish", "private")) is True,
    )


def summary_of(argv: Sequence[str]) -> str:
    """What a command is about, in a line: the recipe, its data and where the model goes, or how the command begins."""
    command, inputs = _command_in(argv), inputs_of(argv)
    if command is None:
        text = " ".join(shlex.join(argv).split())
        return text if len(text) <= LONGEST_SUMMARY else text[: LONGEST_SUMMARY - 1] + "…"
    parts = [command.recipe, Path(command.config).stem]
    if inputs is not None:
        parts += [inputs.dataset, f"→ {inputs.target}" if inputs.target else ""]
    return " ".join(part for part in parts if part)


def require_known(argv: Sequence[str]) -> None:
    """Raises Refused, in the words of the program, for a recipe, a configuration or a key that does not exist.

    A file that only the job has is left to the program. Nothing slow is loaded: configurations know no torch.
    """
    command = _command_in(argv)
    if command is None:
        return
    recipes = sorted(path.parent.parent.name for path in RECIPES.glob("*/configs/*.yaml"))
    if not (RECIPES / command.recipe / "__main__.py").exists():
        raise Refused(f"There is no recipe {command.recipe!r}. There are {', '.join(dict.fromkeys(recipes))}.")
    if command.recipe not in recipes:
        return
    shipped = ", ".join(sorted(path.stem for path in _configs(command.recipe).glob("*.yaml")))
    if not command.config:
        raise Refused(f"The recipe needs --config: a YAML file, or one of {shipped}.")
    if command.shipped is not None:
        kind = import_module(f"{PREFIX}{command.recipe}.config").Config
        build(kind, settings_of(command.shipped, command.overrides))
    elif "/" not in command.config and not Path(command.config).suffix:
        raise Refused(f"There is no configuration {command.config!r}. Shipped with the recipe are {shipped}.")


def _command_in(argv: Sequence[str]) -> _Command | None:
    words = list(argv)
    if "-m" not in words:
        return None
    recipe = next((word.removeprefix(PREFIX) for word in words if word.startswith(PREFIX)), "")
    if not recipe.isidentifier():
        return None
    overrides = [words[place + 1] for place, word in enumerate(words[:-1]) if word == "--set"]
    return _Command(recipe, _value_after(words, "--config"), overrides)


def _configs(recipe: str) -> Path:
    return RECIPES / recipe / "configs"


def _value_after(words: list[str], option: str) -> str:
    place = words.index(option) + 1 if option in words else len(words)
    return words[place] if place < len(words) else ""


def _text(plain: dict[str, Any], path: tuple[str, ...]) -> str:
    value = _at(plain, path)
    return value if isinstance(value, str) else ""


def _at(plain: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = plain
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
