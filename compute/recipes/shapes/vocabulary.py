"""The words of the shapes data set, and which combinations training never sees."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

Rgb = tuple[int, int, int]

COLOURS: Final[dict[str, Rgb]] = {
    "red": (222, 44, 44),
    "orange": (246, 140, 22),
    "yellow": (250, 222, 48),
    "green": (40, 160, 64),
    "cyan": (48, 204, 220),
    "blue": (40, 72, 216),
    "purple": (138, 48, 178),
    "pink": (250, 132, 192),
}
SHAPES: Final[tuple[str, ...]] = ("circle", "square", "triangle")
BACKGROUNDS: Final[dict[str, Rgb]] = {
    "white": (250, 250, 250),
    "black": (8, 8, 8),
    "grey": (128, 128, 128),
}

CANONICAL: Final = "a {colour} {shape} on a {background} background"
TEMPLATES: Final[tuple[str, ...]] = (
    CANONICAL,
    "{colour} {shape}, {background} background",
    "a picture of a {colour} {shape} on {background}",
    "a {background} background with a {colour} {shape}",
    "the {shape} is {colour} and the background is {background}",
    "one {colour} {shape} on {background}",
)
# People also ask for a shape alone; some captions of the training split leave the background out.
PLAIN: Final = "a {colour} {shape}"


@dataclass(frozen=True)
class Scene:
    """What one picture shows, in words."""

    colour: str
    shape: str
    background: str

    def caption(self, template: str = CANONICAL) -> str:
        text = template.format(colour=self.colour, shape=self.shape, background=self.background)
        return _with_right_articles(text)


@dataclass(frozen=True)
class Prompt:
    """A sentence to generate from, and the scene it asks for."""

    text: str
    scene: Scene


def all_scenes() -> list[Scene]:
    return [Scene(c, s, b) for c, s, b in product(COLOURS, SHAPES, BACKGROUNDS)]


def is_held_out(scene: Scene) -> bool:
    """Half of the colour-shape pairs lose one background, so every pair stays learnable."""
    colour = list(COLOURS).index(scene.colour)
    shape = SHAPES.index(scene.shape)
    background = list(BACKGROUNDS).index(scene.background)
    return (colour + shape) % 2 == 0 and background == (colour // 2 + shape) % len(BACKGROUNDS)


def train_scenes() -> list[Scene]:
    return [scene for scene in all_scenes() if not is_held_out(scene)]


def held_out_scenes() -> list[Scene]:
    return [scene for scene in all_scenes() if is_held_out(scene)]


def held_out_prompts(n: int = 64) -> list[Prompt]:
    """`n` prompts on combinations that no training picture shows, every scene first.

    The order walks through all held-out scenes with one template, then with the next, so
    that any prefix is balanced. After scenes x templates prompts it starts over.
    """
    scenes = held_out_scenes()
    prompts = [Prompt(scene.caption(template), scene) for template in TEMPLATES for scene in scenes]
    return [prompts[index % len(prompts)] for index in range(n)]


def _with_right_articles(text: str) -> str:
    words = text.split(" ")
    for index in range(len(words) - 1):
        if words[index] == "a" and words[index + 1][0] in "aeiou":
            words[index] = "an"
    return " ".join(words)
