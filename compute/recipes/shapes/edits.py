"""`python -m compute.recipes.shapes.edits FOLDER` writes pairs of pictures with an instruction between them."""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from datasets import Dataset, Features, Value
from datasets import Image as ImageFeature
from PIL import Image

from compute.recipes.shapes.drawing import FARTHEST_SHIFT, LARGEST_RADIUS, SMALLEST_RADIUS, Pixels, draw
from compute.recipes.shapes.vocabulary import BACKGROUNDS, COLOURS, SHAPES, Scene


@dataclass(frozen=True)
class Edit:
    """`edited` is `original` with only that changed which `instruction` says."""

    original: Pixels
    edited: Pixels
    instruction: str


def make_edits(seed: int, count: int, *, size: int = 32) -> list[Edit]:
    """Equal arguments give equal pairs, byte for byte."""
    random = np.random.default_rng(seed)
    return [_edit(random, size) for _ in range(count)]


def write_parquet(folder: Path, *, train: int, test: int, seed: int = 0, licence: str = "cc-by-4.0") -> None:
    """A data set that `datasets` loads, with a card that names its licence."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    features = Features({"image": ImageFeature(), "edited": ImageFeature(), "instruction": Value("string")})
    for number, (split, count) in enumerate({"train": train, "test": test}.items()):
        edits = make_edits(seed + number, count)
        rows = {
            "image": [{"bytes": _png(edit.original), "path": None} for edit in edits],
            "edited": [{"bytes": _png(edit.edited), "path": None} for edit in edits],
            "instruction": [edit.instruction for edit in edits],
        }
        table = Dataset.from_dict(rows, features=features)
        table.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    front = f"---\nlicense: {licence}\ntask_categories: [image-to-image]\n---"
    (folder / "README.md").write_text(f"{front}\n\n# Edits of coloured shapes\n", encoding="utf-8")


def _edit(random: np.random.Generator, size: int) -> Edit:
    def one(names: object) -> str:
        return str(random.choice(list(names)))  # type: ignore[call-overload]

    scene = Scene(one(COLOURS), one(SHAPES), one(BACKGROUNDS))
    place = {
        "centre": tuple(0.5 + random.uniform(-FARTHEST_SHIFT, FARTHEST_SHIFT, 2)),
        "radius": random.uniform(SMALLEST_RADIUS, LARGEST_RADIUS),
    }
    if random.random() < 0.5:
        colour = one(name for name in COLOURS if name != scene.colour)
        changed, instruction = replace(scene, colour=colour), f"make the {scene.shape} {colour}"
    else:
        background = one(name for name in BACKGROUNDS if name != scene.background)
        changed, instruction = replace(scene, background=background), f"make the background {background}"
    return Edit(draw(scene, size=size, **place), draw(changed, size=size, **place), instruction)  # type: ignore[arg-type]


def _png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m compute.recipes.shapes.edits", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write_parquet(arguments.folder, train=arguments.train, test=arguments.test, seed=arguments.seed)


if __name__ == "__main__":
    main()
