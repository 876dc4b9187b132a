"""A new word: one vector in each text encoder, beside which nothing can change."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPTokenizer

from compute.recipes.adapters.about import Loading
from compute.recipes.adapters.config import AdapterConfig
from compute.recipes.refusal import Refused

EMBEDS = "learned_embeds.safetensors"
PLACES = ("clip_l", "clip_g")  # of a word's vectors in the file, where there are two text encoders


def add_word(tokenizer: CLIPTokenizer, config: AdapterConfig) -> tuple[int, int | None]:
    """Teaches the tokenizer the word; gives its token and that of the word it begins as, if one is named."""
    known = tokenizer(config.like, add_special_tokens=False).input_ids if config.like else []
    if len(known) > 1:
        raise Refused(f"'adapter.like' must be one word that the model knows; {config.like!r} is {len(known)} pieces.")
    if not tokenizer.add_tokens(config.word):
        raise Refused(f"The model knows the word {config.word!r} already. Choose another 'adapter.word'.")
    return tokenizer.convert_tokens_to_ids(config.word), known[0] if known else None


def add_vector(encoder: Any, token: int, like: int | None, first: Tensor | None = None) -> nn.Parameter:
    """What is trained: the word's vector, put in by a hook. The encoder's own weights are frozen. It begins as
    `first`, if that is given, else as the word `like`."""
    table = encoder.get_input_embeddings()
    if first is None:
        first = table.weight.mean(dim=0) if like is None else table.weight[like]
    vector = nn.Parameter(first.detach().to(table.weight).clone())
    encoder.resize_token_embeddings(token + 1, mean_resizing=False)
    encoder.requires_grad_(False)

    def with_vector(module: nn.Module, asked: tuple[Tensor], found: Tensor) -> Tensor:
        return torch.where((asked[0] == token)[..., None], vector, found)

    encoder.get_input_embeddings().register_forward_hook(with_vector)
    return vector


def loading_a_word(word: str) -> Loading:
    """Of a pipeline with two text encoders, whose stock class reads no new words: with the stock mixin it does."""
    before = """from diffusers import StableDiffusion3Pipeline
from diffusers.loaders import TextualInversionLoaderMixin
from huggingface_hub import hf_hub_download
from safetensors.torch import load_file


class Pipeline(StableDiffusion3Pipeline, TextualInversionLoaderMixin):
    pass
"""
    first, second = PLACES
    after = f"""learned = load_file(hf_hub_download("{{name}}", "{EMBEDS}"))
for place, last in (("{first}", ""), ("{second}", "_2")):
    tokenizer, encoder = getattr(pipeline, "tokenizer" + last), getattr(pipeline, "text_encoder" + last)
    pipeline.load_textual_inversion(learned[place], token={word!r}, tokenizer=tokenizer, text_encoder=encoder)"""
    return Loading(before, "Pipeline", after)
