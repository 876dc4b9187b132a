"""Reads the pixels of drawn pictures: is the asked shape there, in the asked colour, on the asked background?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from compute.recipes.shapes.checker import recognise

SEEN = ("colour", "shape", "background")


@dataclass(frozen=True)
class Asked:
    """What a picture shall show; colour and shape are for the shapes data only."""

    text: str = ""
    label: int = 0
    colour: str = ""
    shape: str = ""


def shapes_checked(pictures: Sequence[Image.Image], asked: Sequence[Asked]) -> dict[str, float]:
    """Shares, 0 to 1. `prompt_accuracy` counts a picture when colour and shape are both right."""
    pairs = [(recognise(picture), want) for picture, want in zip(pictures, asked, strict=True)]
    right = [(not want.colour or v.colour == want.colour, not want.shape or v.shape == want.shape) for v, want in pairs]
    return {
        "prompt_accuracy": sum(colour and shape for colour, shape in right) / len(pairs),
        "colour_accuracy": sum(colour for colour, _ in right) / len(pairs),
        "shape_accuracy": sum(shape for _, shape in right) / len(pairs),
    }


def alike_checked(made: Sequence[Image.Image], wanted: Sequence[Image.Image], *, name: str) -> dict[str, float]:
    """Shares, 0 to 1, of pictures that show what others show; `name` is the share of those alike in all."""
    pairs = [(recognise(one), recognise(other)) for one, other in zip(made, wanted, strict=True)]
    alike = {seen: [getattr(a, seen) == getattr(b, seen) for a, b in pairs] for seen in SEEN}
    whole = [all(each) for each in zip(*alike.values(), strict=True)]
    return {name: sum(whole) / len(pairs)} | {
        f"{seen}_accuracy": sum(values) / len(pairs) for seen, values in alike.items()
    }
