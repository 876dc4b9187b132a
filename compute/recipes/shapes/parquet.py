"""Writes the shapes data set as a folder that the hub and `datasets` read without a script."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset, Features, Value
from datasets import Image as ImageFeature
from huggingface_hub import DatasetCardData
from PIL import Image

from compute.recipes.shapes.drawing import Picture, make_pictures
from compute.recipes.shapes.vocabulary import BACKGROUNDS, COLOURS, SHAPES, Scene, held_out_scenes, train_scenes

FEATURES = Features(
    {
        "image": ImageFeature(),
        "caption": Value("string"),
        "colour": Value("string"),
        "shape": Value("string"),
        "background": Value("string"),
    }
)
PLAIN_SHARE = 0.1  # captions of the training split that leave the background out


def write_parquet(
    folder: Path,
    *,
    train: int = 12_000,
    test: int = 1_200,
    seed: int = 0,
    size: int = 32,
    shards: int = 2,
    licence: str = "cc-by-4.0",
    title: str = "Coloured shapes",
) -> list[Path]:
    """Writes `data/train-*.parquet`, `data/test-*.parquet` and a card; returns all files.

    The test split shows only combinations that the training split never shows. Equal
    arguments give equal pictures and captions.
    """
    written = [
        *_write_split(
            folder, "train", make_pictures(seed, train, scenes=train_scenes(), size=size, plain=PLAIN_SHARE), shards
        ),
        *_write_split(folder, "test", make_pictures(seed + 1, test, scenes=held_out_scenes(), size=size), 1),
    ]
    card = folder / "README.md"
    card.write_text(_card(title, licence, train=train, test=test, size=size), encoding="utf-8")
    return [*written, card]


def _write_split(folder: Path, split: str, pictures: Sequence[Picture], shards: int) -> list[Path]:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    table = Dataset.from_dict(
        {
            "image": [
                {"bytes": _png(picture), "path": f"{split}-{index:06d}.png"} for index, picture in enumerate(pictures)
            ],
            "caption": [picture.caption for picture in pictures],
            "colour": [picture.scene.colour for picture in pictures],
            "shape": [picture.scene.shape for picture in pictures],
            "background": [picture.scene.background for picture in pictures],
        },
        features=FEATURES,
    )
    paths = []
    for index in range(shards):
        path = folder / "data" / f"{split}-{index:05d}-of-{shards:05d}.parquet"
        table.shard(shards, index, contiguous=True).to_parquet(path)
        paths.append(path)
    return paths


def _png(picture: Picture) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture.pixels).save(file, format="PNG")
    return file.getvalue()


def _card(title: str, licence: str, *, train: int, test: int, size: int) -> str:
    front = DatasetCardData(
        license=licence,
        pretty_name=title,
        language=["en"],
        task_categories=["text-to-image"],
        tags=["synthetic", "shapes"],
        configs=[
            {
                "config_name": "default",
                "data_files": [
                    {"split": "train", "path": "data/train-*.parquet"},
                    {"split": "test", "path": "data/test-*.parquet"},
                ],
            }
        ],
    )
    held_out = ", ".join(_named(scene) for scene in held_out_scenes())
    return f"""---
{front.to_yaml()}
---

# {title}

Pictures of one coloured shape on a plain background, {size} x {size} pixels, each with a caption. They are drawn
by formula, with random place, size and a little random tint; no photograph and no person's work is in them.

| split | pictures |
|---|---|
| train | {train:,} |
| test | {test:,} |

- Colours: {", ".join(COLOURS)}
- Shapes: {", ".join(SHAPES)}
- Backgrounds: {", ".join(BACKGROUNDS)}

The test split shows only these combinations, and the training split never does: {held_out}.
Every pair of colour and shape still occurs in training, on other backgrounds.
"""


def _named(scene: Scene) -> str:
    return f"{scene.colour} {scene.shape} on {scene.background}"
