"""Builds a byte-level CLIP tokenizer from the captions at hand, and what its encoder is like; nothing is downloaded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Protocol

from transformers import CLIPTextConfig, CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
# Words and signs as CLIP's own tokenizer splits them, over text that is lower case already.
PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|[^\s\w]+|_+")
MOST_WORDS = 20_000

Pair = tuple[str, str]


class TextSizes(Protocol):
    """The members of a configuration that size a text encoder."""

    @property
    def text_width(self) -> int: ...
    @property
    def text_layers(self) -> int: ...
    @property
    def text_heads(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...


def text_config(sizes: TextSizes, tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    """Of the CLIP text encoder that reads what this tokenizer gives."""
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=sizes.text_width,
        intermediate_size=4 * sizes.text_width,
        projection_dim=sizes.text_width,
        num_hidden_layers=sizes.text_layers,
        num_attention_heads=sizes.text_heads,
        max_position_embeddings=sizes.max_tokens,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def build_tokenizer(captions: Iterable[str], *, merges: int, max_tokens: int) -> CLIPTokenizer:
    """A tokenizer that knows every byte, and the frequent pieces of `captions` as one token.

    `merges` bounds the learned pairs; `max_tokens` is the fixed length of a prompt with its
    start and end marks. Equal captions give an equal tokenizer.
    """
    pairs = learn_merges(captions, merges)
    alphabet = sorted(_byte_letters().values())
    words = [*alphabet, *(letter + WORD_END for letter in alphabet), *("".join(p) for p in pairs)]
    vocabulary = {word: index for index, word in enumerate([*words, START, END])}
    return CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=max_tokens)


def learn_merges(captions: Iterable[str], merges: int) -> list[Pair]:
    """Byte-pair encoding (Sennrich et al., arXiv 1508.07909): the most frequent pair first."""
    counts: Counter[str] = Counter()
    for caption in captions:
        counts.update(PIECES.findall(caption.lower()))
    letters = _byte_letters()
    words = [
        ([*(letters[b] for b in word.encode()[:-1]), letters[word.encode()[-1]] + WORD_END], count)
        for word, count in sorted(counts.most_common(MOST_WORDS))
    ]
    learned: list[Pair] = []
    while len(learned) < merges:
        pair = _most_frequent_pair(words)
        if pair is None:
            break
        learned.append(pair)
        words = [(_joined(pieces, pair), count) for pieces, count in words]
    return learned


def _most_frequent_pair(words: list[tuple[list[str], int]]) -> Pair | None:
    pairs: Counter[Pair] = Counter()
    for pieces, count in words:
        for pair in pairwise(pieces):
            pairs[pair] += count
    return max(pairs, key=lambda pair: (pairs[pair], pair)) if pairs else None


def _joined(pieces: list[str], pair: Pair) -> list[str]:
    result: list[str] = []
    index = 0
    while index < len(pieces):
        if tuple(pieces[index : index + 2]) == pair:
            result.append("".join(pair))
            index += 2
        else:
            result.append(pieces[index])
            index += 1
    return result


def _byte_letters() -> dict[int, str]:
    """A visible letter for each byte, as GPT-2 and CLIP assign them."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {byte: chr(byte) for byte in visible}
    hidden = (byte for byte in range(256) if byte not in letters)
    letters.update({byte: chr(256 + index) for index, byte in enumerate(hidden)})
    return letters
