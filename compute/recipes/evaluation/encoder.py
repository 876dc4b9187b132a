"""What a contrastive encoder sees in pictures, and how well they fit their texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig, CLIPConfig, CLIPModel, CLIPProcessor

from compute.recipes.refusal import Refused

TOGETHER = 64


class Encoder:
    """A CLIPModel from a folder. Raises Refused when there is none."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        kind = AutoConfig.from_pretrained(folder).model_type if (folder / "config.json").exists() else "nothing"
        if kind != CLIPConfig.model_type:
            raise Refused(f"The encoder {folder.name} is no CLIPModel but {kind}. Choose another 'encoder.id'.")
        try:
            self._model = CLIPModel.from_pretrained(folder, use_safetensors=True).eval().to(device)
            self._processor = CLIPProcessor.from_pretrained(folder)
        except (OSError, ValueError) as error:
            raise Refused(
                f"The encoder {folder.name} is no CLIPModel with its processor: {error} Train one with the recipe "
                "'contrastive', and name it in 'encoder.id'."
            ) from error
        self._device = device

    def features(self, pictures: Sequence[Image.Image]) -> NDArray[np.float64]:
        """What the last layer says of each picture, before it is brought into the space of texts."""
        return self._seen(pictures).double().cpu().numpy()

    @torch.no_grad()
    def alignment(self, pictures: Sequence[Image.Image], texts: Sequence[str]) -> float:
        """100 times the mean cosine of each picture with its text, below zero counted as zero (CLIPScore)."""
        seen = functional.normalize(self._model.visual_projection(self._seen(pictures)), dim=1)
        told = functional.normalize(self._model.text_projection(self._told(texts)), dim=1)
        return 100.0 * float((seen * told).sum(dim=1).clamp(min=0.0).mean())

    @torch.no_grad()
    def _seen(self, pictures: Sequence[Image.Image]) -> Tensor:
        found = []
        for start in range(0, len(pictures), TOGETHER):
            some = self._processor.image_processor(list(pictures[start : start + TOGETHER]), return_tensors="pt")
            found.append(self._model.vision_model(pixel_values=some.pixel_values.to(self._device)).pooler_output)
        return torch.cat(found)

    @torch.no_grad()
    def _told(self, texts: Sequence[str]) -> Tensor:
        longest = self._model.config.text_config.max_position_embeddings
        found = []
        for start in range(0, len(texts), TOGETHER):
            some = self._processor.tokenizer(
                list(texts[start : start + TOGETHER]),
                padding="max_length",
                truncation=True,
                max_length=longest,
                return_tensors="pt",
            )
            found.append(self._model.text_model(input_ids=some.input_ids.to(self._device)).pooler_output)
        return torch.cat(found)
