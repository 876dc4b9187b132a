"""What a picture costs. Integers throughout: micros of the currency, pixels, steps."""

from dataclasses import dataclass

from inference.enums import Task

MEGAPIXEL = 1_000_000


@dataclass(frozen=True)
class Rate:
    """Micros: `picture` for each picture, and `megapixel_step` for each million pixels denoised once."""

    picture: int
    megapixel_step: int


# Published on the Studio page and at /api/generations/prices; a generation keeps its price.
RATES = {"eur": Rate(picture=1_000, megapixel_step=500), "usd": Rate(picture=1_100, megapixel_step=550)}
RATES_VERSION = "2026-11"
DEFAULT_CURRENCY = "eur"


# These samplers call the network twice for a step.
TWICE = frozenset({"heun", "flow_heun"})


def steps_taken(*, task: Task, steps: int, strength: float, is_flow: bool = False) -> int:
    """The steps that are computed: what starts from an image leaves out the first ones, as the stock pipelines do."""
    if task not in {Task.IMAGE_TO_IMAGE, Task.INPAINTING}:
        return steps
    if is_flow:
        return steps - int(max(steps - steps * strength, 0))
    return min(int(steps * strength), steps)


def rows_of(*, task: Task, guidance: float, image_guidance: float = 1.5) -> int:
    """How often each step is computed: with guidance also without the words, edits also without the image."""
    if guidance <= 1:
        return 1
    if task != Task.EDITING:
        return 2
    return 3 if image_guidance >= 1 else 1


def price(
    *,
    currency: str,
    width: int,
    height: int,
    steps: int,
    guidance: float,
    count: int,
    task: Task = Task.TEXT_TO_IMAGE,
    scheduler: str = "",
    image_guidance: float = 1.5,
) -> int:
    """Micros for `count` pictures of `steps` computed steps; parts of a micro are rounded up once per picture."""
    rate = RATES[currency]
    rows = rows_of(task=task, guidance=guidance, image_guidance=image_guidance)
    pixels = width * height * steps * rows * (2 if scheduler in TWICE else 1)
    return count * (rate.picture - (-pixels * rate.megapixel_step // MEGAPIXEL))
