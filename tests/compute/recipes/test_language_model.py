"""A causal language model: it learns, goes on from a base, and the stock classes read it."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPTNeoXForCausalLM

from compute.recipes.language_model.config import Config
from compute.recipes.language_model.program import learned_tokenizer, run
from compute.recipes.language_model.texts import make_texts, write_parquet
from compute.recipes.refusal import Refused
from tests.compute.recipes.small import configured, metric

MODEL = {"width": 32, "layers": 1, "heads": 2, "context": 32, "vocabulary": 300}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    write_parquet(folder, train=200, test=20)
    return folder


def _config(texts, output, model=MODEL, **training):
    settings = {"steps": 60, "batch": 8, "learning_rate": 1e-2} | training
    return configured(Config, texts, output, model=model, training=settings)


def test_it_learns_goes_on_and_loads_in_the_stock_class(texts, tmp_path):
    config = _config(texts, tmp_path / "first")
    folder = run(config)
    before, after = metric(config.folder, "perplexity")
    assert after < 0.1 * before

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    assert type(model) is GPTNeoXForCausalLM
    prompt = tokenizer("the red circle is", return_tensors="pt").input_ids
    once, twice = (model.generate(prompt, max_new_tokens=4, do_sample=False) for _ in range(2))
    assert torch.equal(once, twice)
    assert tokenizer.decode(once[0]).startswith("the red circle is on the ")

    tuned = _config(
        texts, tmp_path / "tuned", model=MODEL | {"base": {"id": str(folder)}}, steps=20, learning_rate=2e-3
    )
    run(tuned)
    start, end = metric(tuned.folder, "perplexity")
    assert start == pytest.approx(after, rel=1e-3), "it begins where the base ended"
    assert end < start


def test_the_tokenizer_knows_every_byte(texts):
    tokenizer = learned_tokenizer(make_texts(0, 50), 300)
    for text in ("the red circle", "Naïve café, 漢字 😀!"):
        assert tokenizer.decode(tokenizer(text).input_ids) == text
    assert len(tokenizer("the red circle").input_ids) < 8


def test_too_short_texts_are_refused(texts, tmp_path):
    with pytest.raises(Refused, match=r"Lower 'model.context'"):
        run(_config(texts, tmp_path, model=MODEL | {"context": 100_000}))
