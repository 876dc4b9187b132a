"""How long the sounds of a model are, by what its files say."""

import math
from dataclasses import dataclass
from typing import Any

MOST_SAMPLES = 2**22  # as many as the largest picture has pixels; the engine's bound as well (a test compares)
LONGER = 8  # times the length that the model was trained on: attention takes memory by the square
MOST_CHANNELS, MOST_RATE, MOST_LEVELS = 8, 192_000, 20
MAX_LABEL = 200


@dataclass(frozen=True)
class SoundFacts:
    """`samples` at `rate` Hz are the model's own length; its network takes multiples of `unit`."""

    rate: int
    samples: int
    channels: int
    unit: int

    @property
    def seconds(self) -> float:
        return self.samples / self.rate

    @property
    def shortest(self) -> float:
        return 3 * self.unit / self.rate

    @property
    def longest(self) -> float:
        return min(MOST_SAMPLES, LONGER * self.samples) / self.rate

    def computed(self, seconds: float) -> int:
        """Samples that the network is given for so many seconds: padded as the stock pipeline does it."""
        return math.ceil(seconds * self.rate / self.unit) * self.unit

    def to_json(self) -> dict[str, Any]:
        lengths = {"seconds": self.seconds, "shortest": self.shortest, "longest": self.longest}
        return {"sample_rate": self.rate, "channels": self.channels} | lengths


def sound_facts(network: dict[str, Any]) -> SoundFacts | None:
    """Of the configuration of a one-dimensional UNet; None when it does not say, or says what cannot be."""
    levels = network.get("up_block_types")
    numbers = {name: network.get(name) for name in ("sample_rate", "sample_size", "out_channels")}
    whole = all(isinstance(value, int) and not isinstance(value, bool) and value > 0 for value in numbers.values())
    if not whole or not isinstance(levels, list) or not 0 < len(levels) <= MOST_LEVELS:
        return None
    rate, samples, channels = (int(value or 0) for value in numbers.values())
    if rate > MOST_RATE or samples > MOST_SAMPLES or channels > MOST_CHANNELS:
        return None
    return SoundFacts(rate, samples, channels, 2 ** len(levels))
