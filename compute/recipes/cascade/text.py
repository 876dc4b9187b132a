"""The text encoder of both stages: a T5 encoder, made small from the captions at hand or brought along."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoTokenizer, T5Config, T5EncoderModel, T5Tokenizer

from compute.recipes.cascade.config import ModelConfig
from compute.recipes.refusal import Refused

TOKENS = 77  # the length to which the stock pipelines pad every prompt
SPECIAL = ("<pad>", "</s>", "<unk>")
SPELT = -20.0  # logarithm of the likelihood of a single letter: any known word is likelier


def build_tokenizer(captions: Sequence[str], *, words: int) -> T5Tokenizer:
    """The commonest words and every letter; equal captions give an equal tokenizer."""
    counts = Counter(word for caption in captions for word in plain(caption).split())
    total = max(1, counts.total())
    common = sorted(counts, key=lambda word: (-counts[word], word))[:words]
    letters = sorted({letter for word in counts for letter in word} - set(SPECIAL))
    vocabulary = [(token, 0.0) for token in SPECIAL]
    vocabulary += [(f"▁{word}", math.log(counts[word] / total)) for word in common]
    known = {token for token, _score in vocabulary}
    vocabulary += [(letter, SPELT) for letter in ("▁", *letters) if letter not in known]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0)


def build_encoder(config: ModelConfig, tokenizer: T5Tokenizer) -> T5EncoderModel:
    return T5EncoderModel(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=config.text_width,
            d_kv=config.text_width // config.text_heads,
            d_ff=4 * config.text_width,
            num_layers=config.text_layers,
            num_heads=config.text_heads,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
        )
    )


def load_encoder(folder: Path) -> tuple[T5Tokenizer, T5EncoderModel]:
    """A finished one, which is not trained further. Raises Refused for other kinds."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        encoder = T5EncoderModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise Refused(f"No T5 encoder was found in {folder.name}: {error} Check 'text.id'.") from error
    return tokenizer, encoder.eval().requires_grad_(False)


def states_of(tokenizer: T5Tokenizer, encoder: T5EncoderModel, captions: Sequence[str], device: torch.device) -> Tensor:
    """What the encoder says of captions, as the stock pipelines ask it."""
    tokens = tokenizer(
        [plain(caption) for caption in captions],
        padding="max_length",
        max_length=TOKENS,
        truncation=True,
        return_tensors="pt",
    ).to(device)
    states: Tensor = encoder(tokens.input_ids, attention_mask=tokens.attention_mask)[0]
    return states


def plain(caption: str) -> str:
    return caption.lower().strip()
