"""Aspect buckets: pictures of nearly one shape are trained together, cropped as little as can be."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from PIL import Image, ImageOps
from torch import Tensor

from compute.recipes.training.randomness import ORDERS, generator

Size = tuple[int, int]  # width, height


def bucket_sizes(size: int, ratios: Sequence[float], multiple: int) -> list[Size]:
    """For each ratio of width to height the sides, multiples of `multiple`, whose area is nearest `size` squared."""
    sizes = [
        (_rounded(size * math.sqrt(ratio), multiple), _rounded(size / math.sqrt(ratio), multiple)) for ratio in ratios
    ]
    return list(dict.fromkeys(sizes))


def nearest(sizes: Sequence[Size], width: int, height: int) -> int:
    """The place of the bucket that crops least of a picture."""
    ratio = width / height
    return min(range(len(sizes)), key=lambda place: abs(math.log(sizes[place][0] / sizes[place][1] / ratio)))


def fitted(image: Image.Image, size: Size) -> Image.Image:
    """The picture, cropped around its middle and scaled to the bucket."""
    return image if image.size == size else ImageOps.fit(image, size, Image.Resampling.LANCZOS)


class BucketOrder:
    """An endless walk of batches, each from one bucket, in a new random order each epoch.

    Every row comes in every epoch; a bucket's last batch is filled up from its first rows.
    """

    def __init__(self, counts: Sequence[int], *, batch: int, seed: int) -> None:
        self._counts = counts
        self._batch = batch
        self._seed = seed
        self._epochs: dict[int, list[tuple[int, Tensor]]] = {}
        self.per_epoch = sum(-(-count // batch) for count in counts)

    def at(self, index: int) -> tuple[int, Tensor]:
        """The bucket and the rows in it of batch number `index`."""
        epoch, place = divmod(index, self.per_epoch)
        if epoch not in self._epochs:
            self._epochs = {epoch: self._shuffled(epoch)}
        return self._epochs[epoch][place]

    def _shuffled(self, epoch: int) -> list[tuple[int, Tensor]]:
        random = generator(self._seed, ORDERS, epoch)
        batches: list[tuple[int, Tensor]] = []
        for bucket, count in enumerate(self._counts):
            rows = torch.randperm(count, generator=random)
            for start in range(0, count, self._batch):
                places = torch.arange(start, start + self._batch) % count
                batches.append((bucket, rows[places]))
        order = torch.randperm(len(batches), generator=random).tolist()
        return [batches[place] for place in order]


def _rounded(side: float, multiple: int) -> int:
    return max(multiple, round(side / multiple) * multiple)
