"""What a picture costs. Integers throughout: micros of the currency, pixels, steps."""

from dataclasses import dataclass

MEGAPIXEL = 1_000_000


@dataclass(frozen=True)
class Rate:
    """Micros: `picture` for each picture, and `megapixel_step` for each million pixels denoised once."""

    picture: int
    megapixel_step: int


# Published on the Studio page. The version is kept with each generation.
RATES = {"eur": Rate(picture=1_000, megapixel_step=500), "usd": Rate(picture=1_100, megapixel_step=550)}
RATES_VERSION = "2026-11"
DEFAULT_CURRENCY = "eur"


def denoised_pixels(*, width: int, height: int, steps: int, guidance: float) -> int:
    """Pixels times denoiser rows of one picture: guidance above 1 computes every step twice."""
    return width * height * steps * (2 if guidance > 1 else 1)


def price(*, currency: str, width: int, height: int, steps: int, guidance: float, count: int) -> int:
    """Micros for `count` pictures; parts of a micro are rounded up once per picture."""
    rate = RATES[currency]
    pixels = denoised_pixels(width=width, height=height, steps=steps, guidance=guidance)
    return count * (rate.picture - (-pixels * rate.megapixel_step // MEGAPIXEL))
