"""`python -m compute.recipes.shapes.several FOLDER` writes pictures of several shapes, a name, and where what it
names is."""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from datasets import Dataset, Features, Value
from datasets import Image as ImageFeature
from numpy.typing import NDArray
from PIL import Image

from compute.recipes.shapes.drawing import (
    COLOUR_JITTER,
    FARTHEST_SHIFT,
    LARGEST_RADIUS,
    Floats,
    Pixels,
    coverage,
)
from compute.recipes.shapes.vocabulary import BACKGROUNDS, COLOURS, SHAPES, Scene, held_out_scenes, train_scenes

# Where shapes stand, as fractions of the side: one in the middle, several in the corners.
CORNERS = ((0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73))
SMALLER = (0.14, 0.18)  # their radius then
SHIFT = 0.04
MOST = 3
ABSENT = 0.25  # share of names of things that are not there
NAMES: tuple[str, ...] = (
    *(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES),
    *SHAPES,
    *COLOURS,
)
FORMS = ("{}", "the {}")


@dataclass(frozen=True)
class Named:
    """`mask` is true where the picture shows what `name` names; nowhere when it is not there."""

    pixels: Pixels
    mask: NDArray[np.bool_]
    name: str


def is_named(scene: Scene, name: str) -> bool:
    """Whether the shape is what a colour, a shape, or both name."""
    return set(name.removeprefix("the ").split()) <= {scene.colour, scene.shape}


def make_named(seed: int, count: int, *, scenes: Sequence[Scene], size: int = 32) -> list[Named]:
    """Pictures whose named shape, when it is there, is one of `scenes`. Equal arguments give equal rows, byte for byte.

    The others in the picture may be any that training shows.
    """
    random = np.random.default_rng(seed)
    return [_named(random, scenes[int(random.integers(len(scenes)))], size) for _ in range(count)]


def _named(random: np.random.Generator, scene: Scene, size: int) -> Named:
    shown = [scene, *_others(random, scene, int(random.integers(MOST)))]
    pixels, covers = _drawn(random, shown, size)
    name = _absent(random, shown) if random.random() < ABSENT else _present(random, scene)
    mask = np.zeros((size, size), dtype=bool)
    for one, cover in zip(shown, covers, strict=True):
        if is_named(one, name):
            mask |= cover > 0.5
    return Named(pixels, mask, FORMS[int(random.integers(len(FORMS)))].format(name))


def _others(random: np.random.Generator, scene: Scene, count: int) -> list[Scene]:
    """Different ones on the same background."""
    known = [one for one in train_scenes() if one.background == scene.background and one != scene]
    return [known[int(place)] for place in random.choice(len(known), count, replace=False)]


def _present(random: np.random.Generator, scene: Scene) -> str:
    return (f"{scene.colour} {scene.shape}", scene.shape, scene.colour)[int(random.integers(3))]


def _absent(random: np.random.Generator, shown: Sequence[Scene]) -> str:
    """Half of them are near misses: a colour and a shape that are both there, and not together."""
    names = [name for name in NAMES if not any(is_named(one, name) for one in shown)]
    words = {word for one in shown for word in (one.colour, one.shape)}
    near = [name for name in names if set(name.split()) & words]
    chosen = near if near and random.random() < 0.5 else names
    return chosen[int(random.integers(len(chosen)))]


def _drawn(random: np.random.Generator, shown: Sequence[Scene], size: int) -> tuple[Pixels, list[Floats]]:
    """The picture, and how much of each pixel each shape covers."""
    places, shift, radii = [(0.5, 0.5)], FARTHEST_SHIFT, (SMALLER[0], LARGEST_RADIUS)
    if len(shown) > 1:
        places = [CORNERS[int(place)] for place in random.choice(len(CORNERS), len(shown), replace=False)]
        shift, radii = SHIFT, SMALLER
    pixels = np.broadcast_to(_tinted(random, BACKGROUNDS[shown[0].background]), (size, size, 3))
    covers = []
    for scene, place in zip(shown, places, strict=True):
        across, down = (size * (one + random.uniform(-shift, shift)) for one in place)
        cover = coverage(scene.shape, size, across, down, size * random.uniform(*radii))
        pixels = cover[..., None] * _tinted(random, COLOURS[scene.colour]) + (1.0 - cover[..., None]) * pixels
        covers.append(cover)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8), covers


def _tinted(random: np.random.Generator, colour: tuple[int, int, int]) -> Floats:
    return np.array(colour, dtype=np.float64) + random.integers(-COLOUR_JITTER, COLOUR_JITTER + 1, 3)


def write_parquet(folder: Path, *, train: int, test: int, seed: int = 0, licence: str = "cc-by-4.0") -> None:
    """A data set that `datasets` loads, with a card that names its licence.

    What the test split names has a colour and shape that the training split never shows on that background.
    """
    (folder / "data").mkdir(parents=True, exist_ok=True)
    features = Features({"image": ImageFeature(), "mask": ImageFeature(), "name": Value("string")})
    splits = {
        "train": make_named(seed, train, scenes=train_scenes()),
        "test": make_named(seed + 1, test, scenes=held_out_scenes()),
    }
    for split, made in splits.items():
        rows = {
            "image": [{"bytes": _png(one.pixels), "path": None} for one in made],
            "mask": [{"bytes": _png(np.where(one.mask, 255, 0).astype(np.uint8)), "path": None} for one in made],
            "name": [one.name for one in made],
        }
        table = Dataset.from_dict(rows, features=features)
        table.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    front = f"---\nlicense: {licence}\ntask_categories: [image-segmentation]\n---"
    (folder / "README.md").write_text(f"{front}\n\n# Several coloured shapes, and where one of them is\n", "utf-8")


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m compute.recipes.shapes.several", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=20_000)
    parser.add_argument("--test", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    write_parquet(arguments.folder, train=arguments.train, test=arguments.test, seed=arguments.seed)


if __name__ == "__main__":
    main()
