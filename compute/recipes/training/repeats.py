"""Rows that come more than once in one step because there are too few of them."""

from __future__ import annotations

from collections.abc import Sequence

from compute.recipes.training.config import LoopConfig


def repeats_of(sizes: Sequence[int], training: LoopConfig, processes: int) -> str:
    """What to know of them and what to do; empty where no row is repeated. `sizes` are the rows of each size of
    picture, of which batches keep to one. No row is dropped: a batch is filled up from the first rows again."""
    rows, batch = sum(sizes), training.batch
    step = batch * training.accumulate * processes
    if step > rows:
        return (
            f"A step sees {step:,} rows and there are {rows:,}: each comes up to {-(-step // rows):,} times in one "
            "step, which costs as much as other rows and teaches less. Lower 'training.batch' or "
            "'training.accumulate', or add rows."
        )
    short = [size for size in sizes if size < batch]
    if short:
        return (
            f"{len(short)} of {len(sizes)} shapes of pictures ('dataset.ratios') have fewer pictures than a batch of "
            f"{batch}, the least {min(short)}: their batches repeat them, so that they are practised more often than "
            "others. Lower 'training.batch', or give fewer ratios."
        )
    return ""
