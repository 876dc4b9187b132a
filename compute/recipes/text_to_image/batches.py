"""What one step sees. It depends on the seed and the step alone, so a resumed run repeats it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import CLIPTokenizer

from compute.recipes.data.pictures import Bucket
from compute.recipes.text_to_image.config import TrainingConfig
from compute.recipes.text_to_image.flow import draw_times
from compute.recipes.training.randomness import BATCHES, VALIDATION, Order, generator

TOGETHER = 32  # pictures measured at one time


@dataclass(frozen=True)
class Batch:
    """`pictures` and `noise`: (n, 3, size, size) in -1..1; `tokens`: (n, length); `times`: (n,)."""

    pictures: Tensor
    tokens: Tensor
    noise: Tensor
    times: Tensor

    def __len__(self) -> int:
        return len(self.times)

    def on(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.pictures.to(device), self.tokens.to(device), self.noise.to(device), self.times.to(device)


class BatchSource:
    """Batches of the data with their noise and times."""

    def __init__(self, data: Bucket, tokenizer: CLIPTokenizer, config: TrainingConfig, *, seed: int) -> None:
        self._data = data
        self._tokens = _tokens(tokenizer, data.captions)
        self._nothing = _tokens(tokenizer, [""])[0]
        self._config = config
        self._seed = seed
        self._order = Order(len(data), seed=seed)

    def batch(self, index: int) -> Batch:
        """The `index`-th batch of the whole training, over all steps and processes."""
        config = self._config
        random = generator(self._seed, BATCHES, index)
        rows = self._order.rows(index * config.batch, config.batch)
        pictures = self._data.pictures(rows)
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


def measured(data: Bucket, tokenizer: CLIPTokenizer, *, seed: int) -> Iterator[Batch]:
    """Each picture once, as captioned, at times spread evenly and with the same noise each time."""
    for rows in torch.arange(len(data)).split(TOGETHER):
        pictures = data.pictures(rows)
        noise = torch.randn(pictures.shape, generator=generator(seed, VALIDATION, int(rows[0])))
        times = (torch.arange(len(rows)) + 0.5) / len(rows)
        yield Batch(pictures, _tokens(tokenizer, [data.captions[row] for row in rows.tolist()]), noise, times)


def _tokens(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    encoded = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt")
    tokens: Tensor = encoded.input_ids
    return tokens
