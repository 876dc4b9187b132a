"""What one step sees. It depends on the seed and the step alone, so a resumed run repeats it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import CLIPTokenizer

from compute.recipes.text_to_image.config import TrainingConfig
from compute.recipes.text_to_image.data import Captioned
from compute.recipes.text_to_image.flow import draw_times


@dataclass(frozen=True)
class Batch:
    """`pictures` and `noise`: (n, 3, size, size) in -1..1; `tokens`: (n, length); `times`: (n,)."""

    pictures: Tensor
    tokens: Tensor
    noise: Tensor
    times: Tensor


class BatchSource:
    """Walks through the data in a new random order each epoch."""

    def __init__(self, data: Captioned, tokenizer: CLIPTokenizer, config: TrainingConfig, *, seed: int) -> None:
        self._pictures = data.pictures
        self._tokens = _tokens(tokenizer, data.captions)
        self._nothing = _tokens(tokenizer, [""])[0]
        self._config = config
        self._seed = seed
        self._orders: dict[int, Tensor] = {}

    def batch(self, step: int, part: int) -> Batch:
        """The `part`-th of the batches accumulated into `step`; both count from 0."""
        config = self._config
        index = step * config.accumulate + part
        random = _generator(self._seed, 1, index)
        rows = self._rows(index * config.batch, config.batch)
        pictures = self._pictures[rows].float() / 127.5 - 1.0
        tokens = self._tokens[rows]
        dropped = torch.rand(config.batch, generator=random) < config.text_dropout
        tokens = torch.where(dropped[:, None], self._nothing, tokens)
        noise = torch.randn(pictures.shape, generator=random)
        times = draw_times(
            config.batch,
            mean=config.time_mean,
            deviation=config.time_deviation,
            shift=config.time_shift,
            random=random,
        )
        return Batch(pictures, tokens, noise, times)

    def _rows(self, start: int, count: int) -> Tensor:
        size = len(self._pictures)
        places = range(start, start + count)
        return torch.stack([self._order(place // size)[place % size] for place in places])

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            self._orders = {e: o for e, o in self._orders.items() if e == epoch - 1}
            random = _generator(self._seed, 2, epoch)
            self._orders[epoch] = torch.randperm(len(self._pictures), generator=random)
        return self._orders[epoch]


def _generator(seed: int, stream: int, index: int) -> torch.Generator:
    mixed = np.random.SeedSequence([seed, stream, index]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed) & 0x7FFF_FFFF_FFFF_FFFF)


def _tokens(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    encoded = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt")
    tokens: Tensor = encoded.input_ids
    return tokens
