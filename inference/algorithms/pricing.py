"""What a picture costs. Integers throughout: micros of the currency, pixels, steps."""

from dataclasses import dataclass

from inference.algorithms.profiles import Profile
from inference.algorithms.samplers import calls, pace_of_name
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


def steps_taken(*, task: Task, steps: int, strength: float, is_flow: bool = False) -> int:
    """The steps that are computed: what starts from an image leaves out the first ones, as the stock pipelines do."""
    if task not in {Task.IMAGE_TO_IMAGE, Task.INPAINTING}:
        return steps
    if is_flow:
        return steps - int(max(steps - steps * strength, 0))
    return min(int(steps * strength), steps)


def rows_of(profile: Profile, *, task: Task, guidance: float, image_guidance: float) -> int:
    """What one call computes: with guidance also without the words, edits also without the image."""
    if not profile.takes_negative_prompt:
        return 1
    if task == Task.EDITING:
        return 3 if guidance > 1 and image_guidance >= 1 else 1
    if profile.pipeline == "LDMTextToImagePipeline":
        return 1 if guidance == 1 else 2
    return 2 if guidance > 1 else 1


def search_price(*, currency: str, width: int, height: int) -> int:
    """Finding something in an image of this size, once for all pictures: as one round over its pixels."""
    return -(-width * height * RATES[currency].megapixel_step // MEGAPIXEL)


def sound_price(*, currency: str, samples: int, steps: int, count: int) -> int:
    """The same for `count` sounds: a sample, of all channels, is denoised as a pixel is."""
    rate = RATES[currency]
    return count * (rate.picture - (-samples * steps * rate.megapixel_step // MEGAPIXEL))


def rounds(
    profile: Profile,
    *,
    task: Task,
    steps: int,
    guidance: float,
    scheduler: str = "",
    strength: float = 1.0,
    image_guidance: float = 1.5,
) -> int:
    """How often the network computes all pixels of a picture: the rows of every call to it."""
    pace = pace_of_name(scheduler) if scheduler else profile.pace_of(task)
    taken = steps_taken(task=task, steps=steps, strength=strength, is_flow=profile.is_flow)
    rows = rows_of(profile, task=task, guidance=guidance, image_guidance=image_guidance)
    return rows * calls(pace, steps=steps, taken=taken)


def price(*, currency: str, width: int, height: int, rounds: int, count: int) -> int:
    """Micros for `count` pictures; parts of a micro are rounded up once per picture."""
    rate = RATES[currency]
    return count * (rate.picture - (-width * height * rounds * rate.megapixel_step // MEGAPIXEL))
