"""What the engine's loop asks of a model, and how a folder becomes one."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Protocol

import torch
from diffusers import DiffusionPipeline, StableDiffusion3Pipeline
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from inference.engine.flow import FlowMatchModel, batches_steps
from inference.engine.folders import check_folder
from inference.engine.requests import Handle, ModelKey, ModelRefused
from inference.engine.rows import Row
from inference.engine.stock import StockModel

# Bars are for terminals; the engine reports progress by its callbacks.
diffusers_logging.disable_progress_bar()
transformers_logging.disable_progress_bar()


class ServedModel(Protocol):
    """A loaded model. `begin` makes a row, `advance` moves rows one step, `finish` decodes one."""

    nbytes: int
    name: str

    def begin(self, handle: Handle) -> Row:
        """Encode prompts and draw the noise. Raises BadRequest when the parameters do not fit."""
        ...

    def bucket(self, row: Row) -> Hashable:
        """Rows of equal buckets may share a call."""
        ...

    def advance(self, rows: list[Row]) -> None:
        """One denoising step for all rows in one call."""
        ...

    def finish(self, row: Row) -> Any:
        """The picture (PIL) of a row whose steps are done."""
        ...


def load_model(key: ModelKey, folder: Path, *, device: str, dtype: torch.dtype) -> ServedModel:
    """Load a checked folder with the stock library. Raises ModelRefused."""
    index = check_folder(folder)
    absent = {name: None for name, value in index.items() if value == [None, None]}
    try:
        pipeline = DiffusionPipeline.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True, **absent
        )
    except Exception as error:
        raise ModelRefused("cannot_load", f"{type(error).__name__}: {error}"[:300]) from error
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to(device)
    nbytes = measured_bytes(pipeline)
    if isinstance(pipeline, StableDiffusion3Pipeline) and batches_steps(pipeline):
        return FlowMatchModel(pipeline, nbytes)
    return StockModel(pipeline, nbytes)


def measured_bytes(pipeline: Any) -> int:
    """Bytes of all parameters and buffers, shared ones counted once."""
    tensors = {
        tensor.data_ptr(): tensor.nbytes
        for part in pipeline.components.values()
        if isinstance(part, torch.nn.Module)
        for tensor in [*part.parameters(), *part.buffers()]
    }
    return sum(tensors.values())
