"""Autoencoders: they learn, the stock classes read them, and their parts do what they say."""

import shutil

import pytest
import torch
from diffusers import AutoencoderKL, VQModel
from huggingface_hub import ModelCard
from safetensors.torch import load_file

from compute.recipes.autoencoder.config import Config
from compute.recipes.autoencoder.losses import balance, codebook_use, hinge
from compute.recipes.autoencoder.perception import distorted, learned_perception
from compute.recipes.autoencoder.program import Autoencoder, run
from compute.recipes.data.facts import look_up
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.refusal import Refused
from compute.recipes.shapes.drawing import make_pictures
from compute.recipes.shapes.vocabulary import all_scenes
from tests.compute.recipes.small import configured, events, metric

CLASSES = {"kl": AutoencoderKL, "vq": VQModel}


def _config(data, output, kind, **training):
    model = {"kind": kind, "channels": [16, 16, 32], "codes": 64, "discriminator_width": 8}
    settings = {"steps": 60, "batch": 8, "learning_rate": 3e-3, "feature_steps": 20, "discriminator_start": 50}
    return configured(Config, data, output, model=model, training=settings | training)


@pytest.mark.parametrize("kind", ["kl", "vq"])
def test_reconstructions_improve_and_the_stock_class_makes_the_same(shapes_folder, tmp_path, kind):
    config = _config(shapes_folder, tmp_path / kind, kind)
    folder = run(config)

    before, after = metric(config.folder, "psnr")
    assert after > before + 2.0
    before, after = metric(config.folder, "perceptual")
    assert after < 0.7 * before
    last = events(config.folder, "step")[-1]
    assert {"l1", "perceptual", "prior", "adversarial", "adversarial_weight", "loss_2"} <= set(last)

    # The program's own networks, as they were when it saved them, against the stock class.
    recipe = _built(config)
    stock = CLASSES[kind].from_pretrained(folder, use_safetensors=True)
    ours = recipe.autoencoder
    ours.load_state_dict(stock.state_dict(), strict=True)
    pictures = recipe.test.buckets[0].pictures(torch.arange(4))
    with torch.no_grad():
        latents = stock.encode(pictures)
        latents = latents.latent_dist.mode() if kind == "kl" else latents.latents
        assert torch.equal(stock.decode(latents).sample, recipe._again(pictures))
        spread = stock.config.scaling_factor * latents
    assert 0.5 < spread.std() < 2.0

    card = ModelCard.load(folder / "README.md")
    assert card.data.library_name == "diffusers"
    assert config.dataset.path not in card.content
    names = {result.metric_type for result in card.data.eval_results}
    assert names == {"psnr", "perceptual"} | ({"codebook_usage", "codebook_perplexity"} if kind == "vq" else set())
    if kind == "vq":
        assert metric(config.folder, "codebook_usage")[1] > 0.2


def _built(config):
    recipe = Autoencoder(config)
    recipe.facts, recipe.left_out, recipe.device = look_up(config.dataset), LeftOut(), torch.device("cpu")
    torch.manual_seed(config.seed)
    recipe.build()
    recipe.autoencoder.eval()
    return recipe


def test_training_of_two_sides_goes_on_to_the_same_bits(shapes_folder, tmp_path):
    settings = {"steps": 6, "checkpoint_every": 2, "discriminator_start": 2, "feature_steps": 3}
    whole = run(_config(shapes_folder, tmp_path / "whole", "vq", **settings))
    parts = _config(shapes_folder, tmp_path / "parts", "vq", **settings)
    run(parts)
    # What a kill during the last steps leaves: the checkpoint before.
    shutil.rmtree(parts.folder / "checkpoints" / "step-00000006")
    again = run(parts)
    assert events(parts.folder, "resume")[0]["step"] == 4
    ours, theirs = (load_file(folder / "diffusion_pytorch_model.safetensors") for folder in (whole, again))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_balance_gives_both_losses_gradients_of_one_length():
    layer = torch.tensor([3.0, 4.0], requires_grad=True)
    weight = balance((2 * layer).sum(), (0.1 * layer).sum(), layer)
    assert float(weight) == pytest.approx(20.0, rel=1e-2)


def test_hinge_is_zero_where_the_discriminator_is_sure():
    assert float(hinge(torch.tensor([2.0]), torch.tensor([-2.0]))) == 0.0
    assert float(hinge(torch.tensor([0.0]), torch.tensor([0.0]))) == 1.0


@pytest.mark.parametrize(
    ("indices", "expected"), [([0, 1, 2, 3], (1.0, 4.0)), ([0, 0, 0], (0.25, 1.0)), ([0, 1, 1, 0], (0.5, 2.0))]
)
def test_use_of_the_codebook(indices, expected):
    assert codebook_use(torch.tensor(indices), 4) == pytest.approx(expected)


def test_perception_learns_what_was_done_to_pictures_and_sees_small_differences(tmp_path):
    pixels = torch.stack(
        [torch.from_numpy(p.pixels).permute(2, 0, 1) for p in make_pictures(1, 64, scenes=all_scenes())]
    )
    network = learned_perception(pixels, steps=120, seed=0, path=tmp_path / "features.safetensors")
    random = torch.Generator().manual_seed(1)
    kinds = torch.randint(6, (64,), generator=random)
    pictures = pixels.float() / 127.5 - 1.0
    with torch.no_grad():
        right = (network(distorted(pictures, kinds, random)).argmax(1) == kinds).float().mean()
        assert right > 0.5, "chance is a sixth"
        blurred = distorted(pictures, torch.full((64,), 1), random)
        assert network.distance(pictures, pictures) == 0
        assert network.distance(blurred, pictures) > 0.01
    again = learned_perception(pixels, steps=0, seed=9, path=tmp_path / "features.safetensors")
    assert torch.equal(again.head.weight, network.head.weight)


@pytest.mark.parametrize(
    "changes", [{"model": {"channels": [12, 16]}}, {"dataset": {"multiple": 2}}, {"training": {"steps": 0}}]
)
def test_values_that_cannot_work_are_refused(shapes_folder, tmp_path, changes):
    with pytest.raises(Refused):
        run(configured(Config, shapes_folder, tmp_path, **changes))
