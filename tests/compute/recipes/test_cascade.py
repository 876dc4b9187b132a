"""A cascade: both stages learn, are loaded by the stock classes, and draw one after the other."""

import math

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, IFPipeline, IFSuperResolutionPipeline
from huggingface_hub import ModelCard
from safetensors.torch import load_file

from compute.recipes.cascade.config import Config
from compute.recipes.cascade.noise import build_scheduler, seen, variational_bound
from compute.recipes.cascade.program import run
from compute.recipes.cascade.text import build_tokenizer
from compute.recipes.refusal import Refused
from tests.compute.recipes.small import configured, drawn, events, metric

MODEL = {"channels": [16, 32], "text_width": 32, "text_heads": 2}
TRAINING = {"steps": 40, "batch": 8, "learning_rate": 3e-3}
PROMPT = "a red circle on a white background"


def _config(data, output, *, stage="base", dataset=None, training=None, base="", **model):
    return configured(
        Config,
        data,
        output,
        dataset={"caption_column": "caption", "size": 16, "most_test": 16} | (dataset or {}),
        base={"id": base},
        model=MODEL | {"stage": stage} | model,
        training=TRAINING | (training or {}),
        sampling={"steps": 2, "enlarged": 4, "checked": 2, "checker": "shapes" if stage != "base" else ""},
        validation={"every": 30, "pictures": 2},
    )


@pytest.fixture(scope="module")
def base(shapes_folder, tmp_path_factory):
    config = _config(shapes_folder, tmp_path_factory.mktemp("base"))
    return config, run(config)


def test_the_base_stage_draws_from_text(base):
    config, folder = base
    before, after = metric(config.folder, "validation_loss")
    assert after < 0.85 * before
    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert type(pipeline) is IFPipeline
    one = drawn(pipeline, PROMPT, num_inference_steps=2)
    assert one.shape == (16, 16, 3)
    assert np.array_equal(one, drawn(IFPipeline.from_pretrained(folder), PROMPT, num_inference_steps=2))
    assert not np.array_equal(one, drawn(pipeline, "a blue square", num_inference_steps=2)), "the text matters"
    assert ModelCard.load(folder / "README.md").data.pipeline_tag == "text-to-image"
    assert (config.folder / "samples" / "step-00000030.png").exists()


def test_the_second_stage_enlarges_what_the_first_draws(base, shapes_folder, tmp_path):
    _config_of_base, first = base
    data = {"size": 32}
    config = _config(shapes_folder, tmp_path, stage="super_resolution", dataset=data, base=str(first))
    folder = run(config)
    before, after = metric(config.folder, "validation_loss")
    assert after < 0.85 * before
    assert metric(config.folder, "psnr")[1] > metric(config.folder, "psnr")[0]
    assert 0.0 <= metric(config.folder, "colour_accuracy")[1] <= 1.0

    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert type(pipeline) is IFSuperResolutionPipeline
    weights = "text_encoder/model.safetensors"
    ours, theirs = load_file(folder / weights), load_file(first / weights)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs), "the text encoder stays as it was"
    chance = torch.Generator().manual_seed(1)
    small = IFPipeline.from_pretrained(first)(PROMPT, num_inference_steps=2, generator=chance).images
    options = {"image": small, "num_inference_steps": 2, "noise_level": 50}
    large = drawn(pipeline, PROMPT, **options)
    assert large.shape == (32, 32, 3)
    assert np.array_equal(large, drawn(IFSuperResolutionPipeline.from_pretrained(folder), PROMPT, **options))
    card = ModelCard.load(folder / "README.md")
    assert card.data.to_dict()["inference"]["parameters"]["noise_level"] == config.sampling.noise_level
    card = card.text
    assert "| Base model | a local folder |" in card
    assert str(first) not in card


def test_a_run_that_goes_on_ends_with_the_same_bits(shapes_folder, tmp_path):
    steps = {"checkpoint_every": 2, "decay": 0.0, "warmup": 0.0}
    whole = run(_config(shapes_folder, tmp_path / "whole", training=steps | {"steps": 4}))
    run(_config(shapes_folder, tmp_path / "cut", training=steps | {"steps": 2}))
    config = _config(shapes_folder, tmp_path / "cut", training=steps | {"steps": 4})
    resumed = run(config)
    assert events(config.folder, "resume")[0]["step"] == 2
    for name in ("unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"):
        ours, theirs = load_file(whole / name), load_file(resumed / name)
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_bound_is_least_for_the_true_spread_and_the_true_answer(prediction):
    scheduler = build_scheduler(prediction)
    random = torch.Generator().manual_seed(0)
    pictures = torch.rand(64, 3, 4, 4, generator=random) * 2 - 1
    noise = torch.randn(pictures.shape, generator=random)
    times = torch.arange(1, 65) * 15
    noisy = scheduler.add_noise(pictures, noise, times)
    right = noise if prediction == "epsilon" else scheduler.get_velocity(pictures, noise, times)

    def bits(answer, spread):
        drawn = seen(scheduler, noisy, answer, times)
        return float(variational_bound(scheduler, pictures, drawn, torch.full_like(noise, spread), times, stride=10))

    assert bits(right, -1.0) == pytest.approx(0.0, abs=1e-4), "when all is known, the least spread is right"
    assert bits(right, -1.0) < bits(right, 0.0) < bits(right, 1.0)
    assert bits(torch.zeros_like(noise), -1.0) > bits(right, -1.0)
    assert variational_bound(scheduler, pictures, noise, noise, times * 0 + 9, stride=10) == 0.0


def test_the_tokenizer_knows_words_and_spells_others():
    tokenizer = build_tokenizer(["A red circle", "a red square, small"], words=2)
    assert tokenizer.convert_ids_to_tokens(tokenizer("A RED".lower()).input_ids) == ["▁a", "▁red", "</s>"]
    ids = tokenizer("square").input_ids
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "square"
    assert tokenizer.unk_token_id in tokenizer("漢").input_ids
    assert math.isclose(len(build_tokenizer([], words=5)), 4)


def test_what_cannot_work_is_refused(base, stable, shapes_folder, tmp_path):
    _config_of_base, first = base
    for words, more in {
        "Set 'dataset.caption_column'": {"dataset": {"caption_column": ""}},
        "Set 'dataset.ratios'": {"dataset": {"ratios": [1.0, 2.0]}},
        "multiples of 'model.groups'": {"channels": [12]},
        "Set 'base.id'": {"stage": "super_resolution"},
        "no base stage": {"stage": "super_resolution", "base": stable},
        "less than 'training.noisiest'": {
            "stage": "super_resolution",
            "base": str(first),
            "training": {"noisiest": 50},
        },
        "Set 'model.small'": {"stage": "super_resolution", "base": str(first), "small": 8},
    }.items():
        with pytest.raises(Refused, match=words):
            run(_config(shapes_folder, tmp_path, **more))
