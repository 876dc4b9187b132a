"""Looks at finished pictures with a classifier of the hub: safetensors, stock classes, no code of others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import torch

from inference.engine.folders import read_json
from inference.engine.requests import ModelKey, ModelRefused

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

    from inference.engine.downloads import Downloads

CLASSIFIER_FILES = ["config.json", "preprocessor_config.json", "*.safetensors", "*.safetensors.index.json"]


class Classifier:
    """One `AutoModelForImageClassification` at a time, the last that was asked for.

    `downloads` must bring CLASSIFIER_FILES.
    """

    def __init__(self, downloads: Downloads, *, device: str) -> None:
        self._downloads = downloads
        self._device = device
        self._lock = threading.Lock()
        self._key: ModelKey | None = None
        self._parts: tuple[Any, Any] | None = None

    def scores(self, key: ModelKey, pictures: list[Image]) -> list[dict[str, float]]:
        """For each picture, from 0 to 1 for every label: shares of one where one label holds, else each by itself.

        Raises ModelRefused.
        """
        with self._lock:
            processor, model = self._loaded(key)
            inputs = processor([picture.convert("RGB") for picture in pictures], return_tensors="pt")
            with torch.inference_mode():
                logits = model(**inputs.to(self._device)).logits.float().cpu()
        many = model.config.problem_type == "multi_label_classification"
        shares = logits.sigmoid() if many else logits.softmax(-1)
        labels = [model.config.id2label[number] for number in range(shares.shape[1])]
        return [dict(zip(labels, row.tolist(), strict=True)) for row in shares]

    def _loaded(self, key: ModelKey) -> tuple[Any, Any]:
        if self._parts is None or self._key != key:
            with self._downloads.held(key) as folder:
                self._parts = _load(folder, self._device)
            self._key = key
        return self._parts


def _load(folder: Path, device: str) -> tuple[Any, Any]:
    from transformers import AutoImageProcessor, AutoModelForImageClassification  # noqa: PLC0415 - slow import

    for name in ("config.json", "preprocessor_config.json"):
        if "auto_map" in read_json(folder / name, "not_a_pipeline"):
            raise ModelRefused("custom_code", name)
    if not any(folder.glob("*.safetensors")):
        raise ModelRefused("no_safetensors", folder.name)
    try:
        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModelForImageClassification.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False, use_safetensors=True
        )
    except Exception as error:
        raise ModelRefused("cannot_load", f"{type(error).__name__}: {error}"[:300]) from error
    return processor, model.to(device).eval()
