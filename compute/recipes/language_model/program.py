"""Trains or fine-tunes a causal language model; `AutoModelForCausalLM` and `AutoTokenizer` load it."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional
from transformers import AutoTokenizer, GPTNeoXConfig, GPTNeoXForCausalLM, PreTrainedTokenizerFast

from compute.recipes.data.config import part_of
from compute.recipes.data.rows import stream
from compute.recipes.language_model.config import Config
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.training.bases import folder_of, look_up_finished
from compute.recipes.training.card import About
from compute.recipes.training.loop import Player, Terms
from compute.recipes.training.program import Recipe, perform
from compute.recipes.training.randomness import Order

END = "<|endoftext|>"
TOGETHER = 32


def run(config: Config) -> Path:
    return perform(LanguageModel(config))


class LanguageModel(Recipe):
    name = "language_model"
    config: Config

    def require(self) -> None:
        super().require()
        if self.config.model.width % self.config.model.heads:
            raise Refused("'model.width' must be a multiple of 'model.heads'.")

    def bases(self) -> list[Source]:
        self.base = look_up_finished(self.config.model.base, GPTNeoXForCausalLM.__name__, key="model.base")
        return [self.base] if self.base else []

    def build(self) -> None:
        texts, test = self._texts(test=False), self._texts(test=True)
        if self.base:
            folder = folder_of(self.base)
            self.tokenizer = AutoTokenizer.from_pretrained(folder)
            self.model = GPTNeoXForCausalLM.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
        else:
            self.tokenizer = learned_tokenizer(texts, self.config.model.vocabulary)
            self.model = self._new_model()
        self.windows, self.test_windows = self._windows(texts), self._windows(test)
        self.order = Order(len(self.windows), seed=self.config.seed)

    @property
    def rows(self) -> int:
        return len(self.windows)

    def players(self) -> list[Player]:
        return [Player(self.model, self._predict)]

    def measure(self) -> dict[str, float]:
        losses = [float(self._loss(some)) * len(some) for some in self.test_windows.split(TOGETHER)]
        loss = sum(losses) / len(self.test_windows)
        return {"validation_loss": loss, "perplexity": math.exp(loss)}

    def export(self, folder: Path) -> None:
        self.model.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)

    def about(self) -> About:
        return About(
            task="text-generation",
            what="A causal language model of the GPT-NeoX architecture.",
            usage="""
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{name}")
model = AutoModelForCausalLM.from_pretrained("{name}")
prompt = tokenizer("the", return_tensors="pt")
print(tokenizer.decode(model.generate(**prompt, max_new_tokens=20)[0]))
""",
            library="transformers",
            tags=("gpt_neox",),
            metric_names={"perplexity": "Perplexity on texts not trained on"},
        )

    def _predict(self, step: int, index: int) -> Terms:
        rows = self.order.rows(index * self.training.batch, self.training.batch)
        return {"loss": self._loss(self.windows[rows])}

    def _loss(self, windows: Tensor) -> Tensor:
        windows = windows.to(self.device)
        scores = self.model(windows[:, :-1]).logits
        return functional.cross_entropy(scores.float().flatten(0, 1), windows[:, 1:].flatten())

    def _texts(self, *, test: bool) -> list[str]:
        data = self.config.dataset
        part = part_of(data, test=test)
        rows = stream(data, self.facts, part, self.left_out, columns=(data.text_column,))
        return [str(row[data.text_column]) for _number, row in rows]

    def _windows(self, texts: list[str]) -> Tensor:
        """The texts one after another, cut into windows of the context and one token more."""
        end = self.tokenizer.eos_token_id
        ids = [token for text in texts for token in [*self.tokenizer(text).input_ids, end]]
        length = min(self.config.model.context, self.model.config.max_position_embeddings) + 1
        count = len(ids) // length
        if not count:
            raise Refused(f"The texts are shorter than one context of {length - 1} tokens. Lower 'model.context'.")
        return torch.tensor(ids[: count * length]).view(count, length)

    def _new_model(self) -> GPTNeoXForCausalLM:
        model = self.config.model
        return GPTNeoXForCausalLM(
            GPTNeoXConfig(
                vocab_size=len(self.tokenizer),
                hidden_size=model.width,
                intermediate_size=4 * model.width,
                num_hidden_layers=model.layers,
                num_attention_heads=model.heads,
                max_position_embeddings=model.context,
                bos_token_id=self.tokenizer.eos_token_id,
                eos_token_id=self.tokenizer.eos_token_id,
            )
        )


def learned_tokenizer(texts: list[str], size: int) -> PreTrainedTokenizerFast:
    """Byte-level pieces of words, learned from the texts; equal texts give an equal tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, eos_token=END, unk_token=END)
