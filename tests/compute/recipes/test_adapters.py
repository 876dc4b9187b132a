"""Adapters: they learn, leave the base as it was, and stock pipelines load them."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset, Features, Image, Value
from diffusers import StableDiffusion3Pipeline, StableDiffusionPipeline
from PIL import Image as Pictures
from safetensors.torch import load_file

from compute.recipes.adapters.config import Config
from compute.recipes.adapters.flow import FlowAdapter
from compute.recipes.adapters.program import run
from compute.recipes.refusal import Refused
from compute.recipes.shapes.drawing import make_pictures
from compute.recipes.shapes.vocabulary import Scene
from tests.compute.recipes.small import configured, drawn, events, metric

FLOW = "tests/fixtures/shapes-tiny"
TRAINING = {"steps": 30, "batch": 8, "learning_rate": 1e-2, "ema": 0.8}
SMALL = {
    "training": TRAINING,
    "sampling": {"steps": 2, "checker": "shapes", "checked": 2},
    "validation": {"pictures": 2},
}
SUBJECT = {"prompt": "a <subject>", "test_split": "train"}
PROMPT = {"prompt": "a <subject>", "num_inference_steps": 2}


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """Eight pictures of one thing."""
    folder = tmp_path_factory.mktemp("subject")
    rows = []
    for picture in make_pictures(7, 8, scenes=[Scene("purple", "triangle", "grey")]):
        buffer = io.BytesIO()
        Pictures.fromarray(picture.pixels).save(buffer, "PNG")
        rows.append({"image": {"bytes": buffer.getvalue(), "path": None}, "caption": picture.caption})
    features = Features({"image": Image(), "caption": Value("string")})
    (folder / "data").mkdir()
    Dataset.from_list(rows, features=features).to_parquet(folder / "data" / "train-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n")
    return folder


def _adapted(base, subject, output, *, data=SUBJECT, **adapter):
    sections = {**SMALL, "base": {"id": str(base)}, "dataset": data, "adapter": {"rank": 4, **adapter}}
    return configured(Config, subject, output, **sections)


def _improved(config, *, to=0.98):
    before, after = metric(config.folder, "validation_loss")
    assert after < to * before


@pytest.mark.parametrize("method", ["lora", "dreambooth"])
def test_low_rank_adapters_of_stable_diffusion(stable, subject, tmp_path, method):
    more = {"class_prompt": "a triangle", "class_pictures": 4} if method == "dreambooth" else {}
    config = _adapted(stable, subject, tmp_path, method=method, **more)
    folder = run(config)
    _improved(config)
    assert ("prior" in events(config.folder, "step")[-1]) == (method == "dreambooth")

    pipeline = StableDiffusionPipeline.from_pretrained(stable)
    plain = drawn(pipeline, height=32, width=32, **PROMPT)
    pipeline.load_lora_weights(folder)
    with_adapter = drawn(pipeline, height=32, width=32, **PROMPT)
    assert not np.allclose(with_adapter, plain, atol=1e-3)
    second = StableDiffusionPipeline.from_pretrained(stable)
    second.load_lora_weights(folder)
    assert np.array_equal(with_adapter, drawn(second, height=32, width=32, **PROMPT))
    pipeline.unload_lora_weights()
    assert np.array_equal(plain, drawn(pipeline, height=32, width=32, **PROMPT)), "the base is as it was"


def test_a_new_word_for_stable_diffusion(stable, subject, tmp_path):
    # This base learned for seconds and hardly heeds words yet, so what can be seen here is that the word is learned.
    config = _adapted(stable, subject, tmp_path, method="textual_inversion", like="triangle")
    folder = run(config)
    (learned,) = load_file(folder / "learned_embeds.safetensors").values()
    pipeline = StableDiffusionPipeline.from_pretrained(stable)
    plain = drawn(pipeline, height=32, width=32, **PROMPT)
    pipeline.load_textual_inversion(folder, weight_name="learned_embeds.safetensors")
    taught = drawn(pipeline, height=32, width=32, **PROMPT)
    assert not np.allclose(taught, plain, atol=1e-3)
    before = pipeline.text_encoder.get_input_embeddings().weight[:-1]
    base = StableDiffusionPipeline.from_pretrained(stable).text_encoder.get_input_embeddings().weight
    assert np.array_equal(before.detach(), base.detach()), "no other word changed"
    like = pipeline.tokenizer("triangle", add_special_tokens=False).input_ids[0]
    assert (learned - base[like]).abs().max() > 0.01


@pytest.mark.parametrize("method", ["lora", "dreambooth"])
def test_low_rank_adapters_of_the_transformer_with_rectified_flow(subject, tmp_path, method):
    more = {"class_prompt": "a triangle", "class_pictures": 4} if method == "dreambooth" else {}
    config = _adapted(FLOW, subject, tmp_path, data=SUBJECT | {"prompt": "a blob"}, method=method, **more)
    folder = run(config)
    _improved(config)
    assert ("prior" in events(config.folder, "step")[-1]) == (method == "dreambooth")
    pipeline = StableDiffusion3Pipeline.from_pretrained(FLOW)
    plain = drawn(pipeline, "a blob", num_inference_steps=2)
    pipeline.load_lora_weights(folder)
    assert not np.allclose(drawn(pipeline, "a blob", num_inference_steps=2), plain, atol=1e-3)


def test_an_adapter_of_stable_diffusion_3_on_latents(on_latents, subject, tmp_path):
    """Of the recipe `mmdit`, or of anybody: the stock pipeline loads it, as the card says."""
    base, absent = on_latents, {"text_encoder_3": None, "tokenizer_3": None}
    config = _adapted(base, subject, tmp_path / "out", method="dreambooth", class_prompt="a thing", class_pictures=2)
    folder = run(config)
    _improved(config)
    options = {"num_inference_steps": 2, "height": 32, "width": 32}
    assert "text_encoder_3=None, tokenizer_3=None" in (folder / "README.md").read_text()
    pipeline = StableDiffusion3Pipeline.from_pretrained(base, **absent, dtype=torch.float32)
    plain = drawn(pipeline, "a <subject>", **options)
    pipeline.load_lora_weights(folder)
    assert not np.allclose(drawn(pipeline, "a <subject>", **options), plain, atol=1e-3)
    with pytest.raises(Refused, match=r"Set 'adapter.method' to lora or dreambooth"):
        run(_adapted(base, subject, tmp_path / "word", method="textual_inversion", like="circle"))


def test_a_new_word_for_the_transformer_with_rectified_flow(subject, tmp_path):
    """Loaded as its card says: the stock pipeline with the stock mixin."""
    config = _adapted(FLOW, subject, tmp_path, method="textual_inversion", like="circle")
    folder = run(config)
    _improved(config)
    assert 0.0 <= metric(config.folder, "subject_accuracy")[1] <= metric(config.folder, "colour_accuracy")[1] <= 1.0
    usage = (folder / "README.md").read_text().partition("```python")[2].partition("```")[0]
    card = {}
    usage = usage.replace("FOLDER-OF-THE-BASE", FLOW)
    usage = usage.replace('hf_hub_download("model", ', f"str(Path({str(folder)!r}) / ")
    exec(usage.replace("picture = pipeline", "# "), {"Path": Path}, card)
    taught = drawn(card["pipeline"], "a <subject>", num_inference_steps=2)
    stock = StableDiffusion3Pipeline.from_pretrained(FLOW)
    assert not np.allclose(taught, drawn(stock, "a <subject>", num_inference_steps=2), atol=1e-3)
    for ours, theirs in ((card["pipeline"].text_encoder, stock.text_encoder),):
        words = [encoder.get_input_embeddings().weight.detach() for encoder in (ours, theirs)]
        assert np.array_equal(words[0][: len(words[1])], words[1]), "no other word changed"


def test_times_are_shifted_as_those_of_the_base(subject, tmp_path):
    recipe = FlowAdapter(_adapted(FLOW, subject, tmp_path))
    recipe.model = SimpleNamespace(shift=3.0)
    times = recipe._times(2001, torch.Generator().manual_seed(0))
    assert float(times.median()) == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize(
    ("adapter", "data", "message"),
    [
        ({"method": "dreambooth"}, SUBJECT, "adapter.class_prompt"),
        ({"method": "textual_inversion", "word": "<other>"}, SUBJECT, "must hold the new word"),
        ({"method": "textual_inversion"}, {}, "dataset.prompt"),
        ({"method": "lora"}, SUBJECT | {"caption_column": "caption"}, "--set dataset.prompt= to learn from captions"),
        ({"method": "textual_inversion", "like": "unheard-of thing"}, SUBJECT, "must be one word"),
    ],
)
def test_what_cannot_work_is_refused(stable, subject, tmp_path, adapter, data, message):
    data = {"test_split": "train", **data}
    with pytest.raises(Refused, match=message):
        run(_adapted(stable, subject, tmp_path, data=data, **adapter))
    with pytest.raises(Refused, match=r"Choose another 'base.id'"):
        run(_adapted(subject, subject, tmp_path))
