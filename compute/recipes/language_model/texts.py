"""`python -m compute.recipes.language_model.texts FOLDER` writes a small data set of texts made by a grammar.

Sentences tell what lies where, and end with a question whose answer stands in them: to
answer, a model must look back, so the loss falls far below that of word frequencies.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from datasets import Dataset

from compute.recipes.shapes.vocabulary import COLOURS, SHAPES

PLACES = ("the table", "the shelf", "the floor", "the wall")


def make_texts(seed: int, count: int) -> list[str]:
    """Equal arguments give equal texts."""
    random = np.random.default_rng(seed)
    return [_text(random) for _ in range(count)]


def write_parquet(folder: Path, *, train: int, test: int, seed: int = 0, licence: str = "cc0-1.0") -> None:
    """A data set that `datasets` loads, with a card that names its licence."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for number, (split, count) in enumerate({"train": train, "test": test}.items()):
        texts = make_texts(seed + number, count)
        Dataset.from_dict({"text": texts}).to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    front = f"---\nlicense: {licence}\ntask_categories: [text-generation]\n---"
    card = f"{front}\n\n# Where things lie\n\nMade by a grammar.\n"
    (folder / "README.md").write_text(card, encoding="utf-8")


def _text(random: np.random.Generator) -> str:
    shapes = random.permutation(SHAPES)[:2]
    colours = random.permutation(list(COLOURS))[:2]
    places = random.permutation(PLACES)[:2]
    told = [f"the {c} {s} is on {p}." for c, s, p in zip(colours, shapes, places, strict=True)]
    asked = int(random.integers(2))
    return " ".join([*told, f"where is the {shapes[asked]}? on {places[asked]}."])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m compute.recipes.language_model.texts", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write_parquet(arguments.folder, train=arguments.train, test=arguments.test, seed=arguments.seed)


if __name__ == "__main__":
    main()
