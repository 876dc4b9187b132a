"""Stable Diffusion 3 on latents: it learns, and the stock pipeline draws the same from what was saved."""

import numpy as np
import pytest
import torch
import yaml
from diffusers import AutoencoderKL, DiffusionPipeline, StableDiffusion3Pipeline
from safetensors.torch import load_file

from compute.recipes.configuration import as_plain
from compute.recipes.mmdit.config import Config, FlowConfig
from compute.recipes.mmdit.flow import Flow
from compute.recipes.mmdit.program import MultimodalTransformer, run
from compute.recipes.mmdit.texts import OwnTexts
from compute.recipes.refusal import Refused
from tests.compute.recipes.small import configured, drawn, events, metric
from tests.compute.recipes.started import two_processes

TRAINING = {"steps": 60, "batch": 8, "optimizer": "muon", "learning_rate": 3e-3, "muon_learning_rate": 0.05}
MODEL = {"patch": 1, "width": 32, "layers": 2, "heads": 2, "text_width": 16}
FEW = {"steps": 2, "batch": 4}
OPTIONS = {"height": 32, "width": 32, "num_inference_steps": 2}
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
ENCODER = "text_encoder/model.safetensors"


def _config(data, output, **sections):
    sections = {"dataset": {"caption_column": "caption"}, "model": MODEL, "training": TRAINING} | sections
    sections["sampling"] = {"steps": 2, "checker": "shapes", "checked": 2}
    return configured(Config, data, output, **{"validation": {"every": 30}} | sections)


@pytest.fixture(scope="module")
def made(shapes_folder, autoencoder, tmp_path_factory):
    """A finished model, in buckets of two ratios, and its configuration."""
    dataset = {"caption_column": "caption", "ratios": [1.0, 0.5], "multiple": 8}
    config = _config(shapes_folder, tmp_path_factory.mktemp("mmdit"), dataset=dataset, autoencoder={"id": autoencoder})
    return run(config), config


def test_it_learns_and_the_stock_pipeline_draws_the_same(made):
    folder, config = made
    before, after = metric(config.folder, "validation_loss")
    assert after < 0.8 * before
    assert (config.folder / "samples" / "step-00000030.png").exists()
    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert type(pipeline) is StableDiffusion3Pipeline
    one = drawn(pipeline, "a red circle", **OPTIONS)
    assert np.array_equal(one, drawn(StableDiffusion3Pipeline.from_pretrained(folder), "a red circle", **OPTIONS))
    assert not np.array_equal(one, drawn(pipeline, "a blue square", **OPTIONS)), "the text matters"
    assert drawn(pipeline, "a red circle", **OPTIONS | {"width": 64}).shape == (32, 64, 3)


def test_shards_of_two_processes_train_and_draw_as_one_does(shapes_folder, autoencoder, tmp_path):
    steps = {"steps": 2, "batch": 4, "learning_rate": 3e-3}

    def config(name, **training):
        sections = {"autoencoder": {"id": autoencoder}, "training": steps | training}
        return _config(shapes_folder, tmp_path / name, **sections, validation={"every": 1, "pictures": 2})

    alone = run(config("alone", accumulate=2))
    pair = config("pair", shard=True)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(as_plain(pair)))
    told = two_processes("mmdit", tmp_path / "c.yaml")
    assert [event["step"] for event in told if event["event"] == "sample"] == [1, 2, 2]
    ours, theirs = load_file(pair.folder / "model" / WEIGHTS), load_file(alone / WEIGHTS)
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, atol=1e-4, rtol=1e-3, msg=name)


def test_silence_in_one_place_counts_as_the_stock_pipelines_256(made):
    """What the recipe draws on its way is what anybody draws afterwards."""
    folder, config = made
    stock = drawn(StableDiffusion3Pipeline.from_pretrained(folder), "a red circle", **OPTIONS)
    counted = StableDiffusion3Pipeline.from_pretrained(folder)
    recipe = MultimodalTransformer(config)
    recipe.device = torch.device("cpu")
    recipe.texts = OwnTexts(config.model, ["a red circle"])
    ours = drawn(recipe.ready(counted), "a red circle", **OPTIONS, max_sequence_length=1)
    np.testing.assert_allclose(ours, stock, atol=1e-4)


def test_a_finished_model_is_trained_further_and_its_encoders_stay(made, shapes_folder, tmp_path):
    base, _ = made
    config = _config(shapes_folder, tmp_path, base={"id": str(base)}, training=FEW)
    folder = run(config)
    assert metric(config.folder, "validation_loss")[0] == pytest.approx(
        metric(made[1].folder, "validation_loss")[1], rel=0.2
    )
    same = [
        all(torch.equal(weight, load_file(base / name)[key]) for key, weight in load_file(folder / name).items())
        for name in (ENCODER, WEIGHTS)
    ]
    assert same == [True, False]


def test_finished_encoders_without_a_third_one_serve_a_new_transformer(made, shapes_folder, autoencoder, tmp_path):
    pair = tmp_path / "pair"
    absent = {"text_encoder_3": None, "tokenizer_3": None}
    StableDiffusion3Pipeline.from_pretrained(made[0], **absent, dtype=torch.bfloat16).save_pretrained(pair)
    named = {"autoencoder": {"id": autoencoder}, "text": {"id": str(pair)}, "accept_base_licence": "apache-2.0"}
    config = _config(shapes_folder, tmp_path / "out", **named, training=FEW)
    folder = run(config)
    assert drawn(StableDiffusion3Pipeline.from_pretrained(folder, **absent), "x", **OPTIONS).shape == (32, 32, 3)
    assert "text_encoder_3=None, tokenizer_3=None" in (folder / "README.md").read_text()
    assert [event["step"] for event in events(config.folder, "done")] == [2]


def test_each_encoder_misses_captions_by_itself(shapes_folder, tmp_path):
    recipe = MultimodalTransformer(_config(shapes_folder, tmp_path))
    recipe.texts = OwnTexts(recipe.config.model, ["a red circle"])
    heard = recipe._heard(20_000, torch.Generator().manual_seed(0))
    assert float((~heard).all(dim=1).float().mean()) == pytest.approx(0.1, abs=0.01)
    assert (~heard).float().mean(dim=0).tolist() == pytest.approx([0.316, 0.316], abs=0.02)
    assert recipe._heard(3, None).all()


def test_the_flow_goes_straight_from_noise_to_the_picture():
    flow = Flow(FlowConfig(time_shift=3.0))
    latents, noise = torch.randn(2, 4, 2, 2), torch.randn(2, 4, 2, 2)
    noisy, velocity = flow.added(latents, noise, torch.tensor([0.25, 1.0]))
    torch.testing.assert_close(noisy - torch.tensor([0.25, 1.0]).view(-1, 1, 1, 1) * velocity, latents)
    times = flow.times(4_000, torch.Generator().manual_seed(0))
    assert 0 < times.min() < times.max() < 1
    assert float(times.median()) == pytest.approx(0.75, abs=0.02), "the middle, shifted by three"


def test_a_middle_of_the_autoencoder_is_taken_away_as_the_stock_pipeline_adds_it(shapes_folder, autoencoder, tmp_path):
    recipe = MultimodalTransformer(_config(shapes_folder, tmp_path))
    recipe.autoencoder = AutoencoderKL.from_pretrained(autoencoder)
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    plain, _ = recipe.encoded(pictures)
    recipe.autoencoder.register_to_config(shift_factor=0.5)
    moved, _ = recipe.encoded(pictures)
    unit = recipe.autoencoder.config.scaling_factor
    torch.testing.assert_close(moved / unit + 0.5, plain / unit)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({}, r"Set 'autoencoder.id'"),
        ({"dataset": {}}, r"Set 'dataset.caption_column'"),
        ({"base": {"id": "x"}, "text": {"id": "y"}}, "A base brings"),
        ({"model": {"width": 30, "heads": 4}}, r"'model.width' must be"),
    ],
)
def test_what_cannot_work_is_refused(shapes_folder, tmp_path, sections, message):
    with pytest.raises(Refused, match=message):
        run(_config(shapes_folder, tmp_path, **sections))


@pytest.mark.parametrize(
    ("model", "dataset", "message"),
    [({"patch": 5}, {}, "which must divide them"), ({"reach": 1}, {"ratios": [0.5]}, "places for latents of up to 8")],
)
def test_sizes_that_the_transformer_has_no_places_for_are_refused(
    shapes_folder, autoencoder, tmp_path, model, dataset, message
):
    sections = {"model": MODEL | model, "dataset": {"caption_column": "caption", "most": 8, "most_test": 4} | dataset}
    with pytest.raises(Refused, match=message):
        run(_config(shapes_folder, tmp_path, autoencoder={"id": autoencoder}, **sections))


def test_what_is_no_stable_diffusion_3_is_refused(shapes_folder, tmp_path, stable):
    with pytest.raises(Refused, match="is no StableDiffusion3Pipeline"):
        run(_config(shapes_folder, tmp_path, base={"id": stable}))
