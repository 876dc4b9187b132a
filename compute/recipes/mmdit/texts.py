"""What the transformer hears of a caption: from encoders that learn with it, or from finished ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline
from torch import Tensor, nn

from compute.recipes.data.cutting import Reading
from compute.recipes.mmdit.config import ModelConfig
from compute.recipes.text_to_image.model import CountedAttention, build_text_encoder, silent_encoder, silent_tokenizer
from compute.recipes.text_to_image.tokenizer import build_tokenizer

ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")
TOKENIZERS = ("tokenizer", "tokenizer_2", "tokenizer_3")
SILENCE = 256  # places that the stock pipeline fills with zeros where there is no third encoder


class Texts(Protocol):
    """`count` encoders; `states` and `pooled` are the widths of what they say; the stock pipeline is asked for
    `places` of the third one."""

    count: int
    states: int
    pooled: int
    places: int

    def trained(self) -> dict[str, nn.Module]: ...

    def parts(self) -> dict[str, Any]:
        """Encoders and tokenizers, as the stock pipeline names them."""

    def prepare(self, transformer: SD3Transformer2DModel) -> None:
        """Before it hears the first caption."""

    def readings(self, captions: Sequence[str]) -> list[Reading]:
        """How the captions are taken apart."""

    def said(self, captions: Sequence[str], heard: Tensor) -> tuple[Tensor, Tensor]:
        """States (n, length, `states`) and pooled (n, `pooled`); `heard` (n, `count`) says by which encoders."""


class OwnTexts:
    """Two CLIP-style encoders from nothing. The third one's silence is computed as one place and counts as all."""

    count, places = 2, 1

    def __init__(self, model: ModelConfig, captions: Sequence[str]) -> None:
        self._tokenizer = build_tokenizer(captions, merges=model.merges, max_tokens=model.max_tokens)
        self._encoders = [build_text_encoder(model, self._tokenizer) for _ in range(self.count)]
        self.states = self.pooled = self.count * model.text_width

    def trained(self) -> dict[str, nn.Module]:
        return dict(zip(ENCODERS, self._encoders, strict=False))

    def parts(self) -> dict[str, Any]:
        tokenizer = silent_tokenizer()
        encoders = [*self._encoders, silent_encoder(self.states, len(tokenizer))]
        tokenizers = [self._tokenizer, self._tokenizer, tokenizer]
        return dict(zip(ENCODERS + TOKENIZERS, encoders + tokenizers, strict=True))

    def prepare(self, transformer: SD3Transformer2DModel) -> None:
        transformer.set_attn_processor(CountedAttention(SILENCE))

    def readings(self, captions: Sequence[str]) -> list[Reading]:
        return [Reading(captions, self._tokenizer, self._tokenizer.model_max_length, key="model.max_tokens")]

    def said(self, captions: Sequence[str], heard: Tensor) -> tuple[Tensor, Tensor]:
        answers = [
            encoder(self._tokens(captions, heard[:, place]).to(encoder.device), output_hidden_states=True)
            for place, encoder in enumerate(self._encoders)
        ]
        states = torch.cat([answer.hidden_states[-2] for answer in answers], dim=-1)
        return nn.functional.pad(states, (0, 0, 0, 1)), torch.cat([answer.text_embeds for answer in answers], dim=-1)

    def _tokens(self, captions: Sequence[str], heard: Tensor) -> Tensor:
        told = _told(captions, heard)
        tokens: Tensor = self._tokenizer(told, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return tokens


class FinishedTexts:
    """The encoders of a finished pipeline, asked as the stock pipeline asks them. They stay as they are."""

    places = SILENCE

    def __init__(self, folder: Path, device: torch.device) -> None:
        absent = {"transformer": None, "vae": None, "scheduler": None, **absent_parts(folder)}
        self._pipeline: Any = StableDiffusion3Pipeline.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, **absent
        )
        heads = json.loads((folder / "transformer" / "config.json").read_text(encoding="utf-8"))
        self.states, self.pooled = heads["joint_attention_dim"], heads["pooled_projection_dim"]
        self._device = device
        encoders = [encoder for name in ENCODERS if (encoder := getattr(self._pipeline, name)) is not None]
        for encoder in encoders:
            encoder.requires_grad_(False).eval().to(device)
        self.count = len(encoders)

    def trained(self) -> dict[str, nn.Module]:
        return {}

    def parts(self) -> dict[str, Any]:
        return {name: getattr(self._pipeline, name) for name in ENCODERS + TOKENIZERS}

    def prepare(self, transformer: SD3Transformer2DModel) -> None:
        self._pipeline.register_modules(transformer=transformer)  # tells how wide the silence of an absent encoder is

    def readings(self, captions: Sequence[str]) -> list[Reading]:
        return readings_of(self._pipeline, captions)

    @torch.no_grad()
    def said(self, captions: Sequence[str], heard: Tensor) -> tuple[Tensor, Tensor]:
        told = [_told(captions, heard[:, min(place, self.count - 1)]) for place in range(len(ENCODERS))]
        states, _, pooled, _ = self._pipeline.encode_prompt(
            prompt=told[0],
            prompt_2=told[1],
            prompt_3=told[2],
            do_classifier_free_guidance=False,
            device=self._device,
            max_sequence_length=self.places,
        )
        return states, pooled


def readings_of(pipeline: Any, captions: Sequence[str]) -> list[Reading]:
    """The first two encoders of the stock pipeline take captions apart alike; the third one hears more of them."""
    first, third = pipeline.tokenizer or pipeline.tokenizer_2, pipeline.tokenizer_3
    both = first is not None and third is not None
    readings = []
    if first is not None:
        most = pipeline.tokenizer_max_length
        readings.append(Reading(captions, first, most, encoders="the first two encoders" if both else ""))
    if third is not None:
        readings.append(Reading(captions, third, SILENCE, encoders="the third encoder" if both else ""))
    return readings


def absent_parts(folder: Path) -> dict[str, None]:
    """The encoders and tokenizers that a pipeline was saved without: the stock class wants to be told."""
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    return {name: None for name in ENCODERS + TOKENIZERS if index.get(name, [None])[0] is None}


def _told(captions: Sequence[str], heard: Tensor) -> list[str]:
    return [caption if is_heard else "" for caption, is_heard in zip(captions, heard.tolist(), strict=True)]
