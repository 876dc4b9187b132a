"""Captions that are longer than what reads them are counted, told before training and named on the card."""

import importlib
import io

import pytest
from datasets import Dataset, Features, Image, Value
from PIL import Image as Pictures

from compute.recipes.configuration import build
from compute.recipes.data.cutting import Reading, cuts_in
from compute.recipes.text_to_image.tokenizer import build_tokenizer
from tests.compute.recipes.small import LOOP, events

LONG = " ".join(f"{number} red circles" for number in range(60))
SHORT = "a red circle"
DRAWN = {"sampling": {"steps": 2}, "validation": {"pictures": 1}}

# Sections of each, and how many tokens it reads.
RECIPES = {
    "text_to_image": (
        {"model": {"patch": 8, "width": 32, "layers": 1, "heads": 2, "text_width": 16, "max_tokens": 9}},
        9,
        "model.max_tokens",
    ),
    "stable_diffusion": (
        {"autoencoder": "autoencoder", "model": {"channels": [16, 32], "text_width": 32, "heads": 2}},
        16,
        "model.max_tokens",
    ),
    "inpainting": ({"base": "stable"}, 16, ""),
    "cascade": ({"model": {"channels": [8, 16], "head_width": 8, "groups": 4, "text_width": 32}}, 77, ""),
    "adapters": ({"base": "on_latents", "adapter": {"rank": 2}}, 16, ""),
    "distillation": (
        {"teacher": "on_latents", "teaching": {"pictures": 8, "steps": 1}, "model": {"head_width": 8, "steps": 2}},
        16,
        "",
    ),
    "contrastive": ({"model": {"width": 32, "layers": 1, "heads": 2}}, 16, "model.max_tokens"),
}


@pytest.fixture(scope="module")
def wordy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wordy")
    features = Features({"image": Image(), "caption": Value("string")})
    for split, captions in (("train", [LONG, SHORT, LONG, f"{SHORT}s", SHORT, SHORT, LONG, SHORT]), ("test", [SHORT])):
        rows = {"image": [_png(place) for place in range(len(captions))], "caption": captions}
        Dataset.from_dict(rows, features=features).to_parquet(folder / f"{split}-0.parquet")
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n")
    return folder


def _png(number):
    buffer = io.BytesIO()
    Pictures.new("RGB", (32, 32), (30 * number, 0, 200)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": f"{number}.png"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_cut_captions_are_told_before_training_and_on_the_card(recipe, request, wordy, tmp_path):
    sections, most, key = RECIPES[recipe]
    named = {k: {"id": request.getfixturevalue(v)} if isinstance(v, str) else v for k, v in sections.items()}
    plain = named | {"seed": 1, "output": str(tmp_path), "dataset": {"path": str(wordy)}}
    plain |= DRAWN if recipe != "contrastive" else {}
    plain["dataset"] |= {"caption_column": "caption"}
    plain["training"] = {**LOOP, "steps": 1, "batch": 2}
    config = build(importlib.import_module(f"compute.recipes.{recipe}.config").Config, plain)
    folder = importlib.import_module(f"compute.recipes.{recipe}.program").run(config)

    (note,) = events(tmp_path, "note")
    told = f"3 of 8 captions are longer than {most} tokens (pieces of words) and are cut there; the longest has "
    assert note["text"].startswith(told)
    assert note["text"].endswith(f"Shorten them, or raise {key!r}." if key else "Shorten them.")
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert ['"event": "start"' in lines[0], '"event": "note"' in lines[1]] == [True, True]
    assert f"| Captions cut | {told}" in (folder / "README.md").read_text()


def test_only_what_is_cut_is_told():
    tokenizer = build_tokenizer([SHORT], merges=50, max_tokens=5)
    assert cuts_in([Reading([SHORT] * 3, tokenizer, 5)]) == []
    (cut,) = cuts_in([Reading([SHORT, f"{SHORT} red", f"{SHORT} red"], tokenizer, 5, encoders="the third encoder")])
    assert str(cut) == (
        "2 of 3 captions are longer than 5 tokens (pieces of words) and are cut there for the third encoder; "
        "the longest has 6."
    )
    (cut,) = cuts_in([Reading([f"{SHORT} red"] * 100_001, tokenizer, 5)])
    assert str(cut).startswith("100,000 of the first 100,000 captions")
