"""Finds what words name in a picture, with a CLIPSeg of the hub: safetensors, the stock class, no code of others."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from inference.engine.cache import ModelCache
from inference.engine.folders import read_json, weights_size
from inference.engine.loading import FolderSource, SharedSource, held_folder
from inference.engine.requests import BadRequest, ModelKey, ModelRefused

KNOWN = "CLIPSegForImageSegmentation"
FINDER_FILES = ["*.json", "merges.txt", "vocab.txt", "*.safetensors"]


@dataclass(frozen=True)
class Loaded:
    processor: Any
    model: Any

    @property
    def nbytes(self) -> int:
        """Of its weights and buffers."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


class Finder:
    """Keeps models up to `max_bytes`; the least recently used go first. `source` must bring FINDER_FILES."""

    def __init__(self, source: FolderSource | SharedSource, *, device: str, max_bytes: int) -> None:
        self._source = source
        self._device = device
        self._lock = threading.Lock()
        self.models: ModelCache[Loaded] = ModelCache(max_bytes)

    def find(self, key: ModelKey, picture: Image.Image, words: str, *, token: str | None = None) -> Image.Image | None:
        """A mask as large as the picture, white where the model thinks it more likely than not that the words name
        what is there; None when that is nowhere.

        Raises ModelRefused, and BadRequest for words that the model cannot read to their end.
        """
        with self._lock:
            loaded = self._acquire(key, token)
            try:
                mask = _mask(loaded, picture.convert("RGB"), words, self._device)
            finally:
                self.models.release(key)
        return Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)) if mask.any() else None

    def _acquire(self, key: ModelKey, token: str | None) -> Loaded:
        loaded = self.models.acquire_loaded(key)
        if loaded is not None:
            return loaded
        with held_folder(self._source, key, token) as folder:
            return self.models.acquire(key, lambda: _load(folder, self._device), expected=weights_size(folder))


@torch.inference_mode()
def _mask(loaded: Loaded, picture: Image.Image, words: str, device: str) -> Any:
    tokenizer = loaded.processor.tokenizer
    if len(tokenizer(words).input_ids) > loaded.model.config.text_config.max_position_embeddings:
        raise BadRequest("the words are longer than the model that finds can read")
    inputs = loaded.processor(text=[words], images=[picture], padding=True, truncation=True, return_tensors="pt")
    logits = loaded.model(**inputs.to(device)).logits.float()
    # One picture comes back without the dimension of the batch in some versions, with it in others.
    logits = logits.reshape(1, 1, *logits.shape[-2:])
    size = (picture.height, picture.width)
    return (functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)[0, 0] > 0).cpu().numpy()


def _load(folder: Path, device: str) -> Loaded:
    from transformers import CLIPSegForImageSegmentation, CLIPSegProcessor  # noqa: PLC0415 - slow import

    config = read_json(folder / "config.json", "not_a_finder")
    for file in folder.glob("*.json"):
        if "auto_map" in read_json(file, "not_a_finder", of_any_kind=True):
            raise ModelRefused("custom_code", file.name)
    if config.get("architectures") != [KNOWN]:
        raise ModelRefused("not_a_finder", "config.json")
    if not any(folder.glob("*.safetensors")):
        raise ModelRefused("no_safetensors", folder.name)
    try:
        processor = CLIPSegProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = CLIPSegForImageSegmentation.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
        )
    except Exception as error:
        raise ModelRefused("cannot_load", f"{type(error).__name__}: {error}"[:300]) from error
    return Loaded(processor, model.to(device).eval())
