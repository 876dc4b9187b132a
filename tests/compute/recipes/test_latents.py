"""Diffusion on latents: it learns, and the stock pipelines draw the same pictures from what was saved."""

import re

import numpy as np
import pytest
import torch
from diffusers import (
    AutoPipelineForImage2Image,
    DiffusionPipeline,
    DiTPipeline,
    LDMTextToImagePipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
)
from huggingface_hub import ModelCard

from compute.recipes.diffusion.config import DiffusionConfig
from compute.recipes.diffusion.noise import TIMES, Noise, build_scheduler, shifted_times
from compute.recipes.latent_diffusion.config import Config as LatentConfig
from compute.recipes.latent_diffusion.program import run as train_latents
from compute.recipes.refusal import Refused
from compute.recipes.stable_diffusion.config import Config as StableConfig
from compute.recipes.stable_diffusion.program import run as train_stable
from tests.compute.recipes.small import configured, drawn, events, metric

TRAINING = {"steps": 40, "batch": 8, "learning_rate": 3e-3}
SAMPLING = {"steps": 2, "checker": "shapes", "checked": 2}
UNET = {"channels": [16, 32], "text_width": 32, "heads": 2}


def _sections(autoencoder, **sections):
    plain = {
        "autoencoder": {"id": autoencoder},
        "training": TRAINING,
        "sampling": SAMPLING,
        "validation": {"every": 30},
    }
    return plain | sections


def _stable(data, output, autoencoder, **sections):
    sections = {"dataset": {"caption_column": "caption"}, "model": UNET} | sections
    return configured(StableConfig, data, output, **_sections(autoencoder, **sections))


def _learned(config):
    before, after = metric(config.folder, "validation_loss")
    assert after < 0.85 * before
    assert (config.folder / "samples" / "step-00000030.png").exists()
    assert 0.0 <= metric(config.folder, "colour_accuracy")[1] <= 1.0


def test_by_class(shapes_folder, tmp_path, autoencoder):
    config = configured(
        LatentConfig,
        shapes_folder,
        tmp_path,
        **_sections(
            autoencoder,
            dataset={"class_columns": ["colour", "shape"]},
            model={"width": 32, "blocks": 2, "block_heads": 2},
        ),
    )
    folder = train_latents(config)
    _learned(config)
    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert type(pipeline) is DiTPipeline
    assert pipeline.get_label_ids(["blue circle"]) == [0]
    table = pipeline.transformer.transformer_blocks[0].norm1.emb.class_embedder.embedding_table.weight
    assert float(table[100:1000].detach().std()) == pytest.approx(0.15, rel=0.05), "a class is no louder than a time"
    twice = [drawn(DiTPipeline.from_pretrained(folder), [3], num_inference_steps=2) for _ in range(2)]
    assert np.array_equal(*twice)
    other = drawn(pipeline, [7], num_inference_steps=2)
    assert not np.array_equal(other, twice[0]), "the class matters"
    assert "0 blue circle, 1 blue square" in (folder / "README.md").read_text()

    # A finished one that goes on with other classes still knows its own, by their numbers.
    known = len(pipeline.labels)
    few = {"steps": 1, "batch": 4}
    sections = _sections("", dataset={"class_columns": ["colour"]}, base={"id": str(folder)}, training=few)
    further = configured(LatentConfig, shapes_folder, tmp_path / "further", **sections)
    pipeline = DiTPipeline.from_pretrained(train_latents(further))
    assert pipeline.get_label_ids(["blue circle", "blue"]) == [0, known]
    with pytest.raises(Refused, match="A base brings its autoencoder"):
        both = _sections(autoencoder, dataset={"class_columns": ["colour"]}, base={"id": str(folder)})
        train_latents(configured(LatentConfig, shapes_folder, tmp_path, **both))


def test_by_text(shapes_folder, tmp_path, autoencoder):
    config = configured(
        LatentConfig,
        shapes_folder,
        tmp_path,
        **_sections(
            autoencoder,
            dataset={"caption_column": "caption"},
            model={**UNET, "condition": "text", "max_tokens": 77},
            training=TRAINING | {"prediction": "v_prediction"},
        ),
    )
    folder = train_latents(config)
    _learned(config)
    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert type(pipeline) is LDMTextToImagePipeline
    assert "Asked for, row by row: *" in (folder / "README.md").read_text()
    # The stock class divides by eight whatever the autoencoder does; the card tells what gives pictures as trained.
    told = int(re.search(r"height=(\d+)", (folder / "README.md").read_text())[1])
    options = {"height": told, "width": told, "num_inference_steps": 2}
    one = drawn(pipeline, "a red circle", **options)
    again = drawn(LDMTextToImagePipeline.from_pretrained(folder), "a red circle", **options)
    assert np.array_equal(one, again)
    assert one.shape[:2] == (config.dataset.size, config.dataset.size)
    assert not np.array_equal(one, drawn(pipeline, "a blue square", **options)), "the text matters"


def test_stable_diffusion(shapes_folder, tmp_path, autoencoder):
    config = _stable(shapes_folder, tmp_path, autoencoder, training=TRAINING | {"precision": "bf16"})
    folder = train_stable(config)
    _learned(config)
    pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    assert type(pipeline) is StableDiffusionPipeline
    options = {"height": 32, "width": 32, "num_inference_steps": 2}
    one = drawn(pipeline, "a red circle", **options)
    assert one.shape == (32, 32, 3)
    again = drawn(StableDiffusionPipeline.from_pretrained(folder), "a red circle", **options)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, drawn(pipeline, "a blue square", **options)), "the text matters"

    changing = AutoPipelineForImage2Image.from_pipe(pipeline)
    assert type(changing) is StableDiffusionImg2ImgPipeline
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    little, much = (
        drawn(changing, "a red circle", image=image, strength=strength, num_inference_steps=10)
        for strength in (0.1, 0.9)
    )
    assert not np.array_equal(little, much)

    card = ModelCard.load(folder / "README.md")
    assert card.data.pipeline_tag == "text-to-image"
    assert "| Base model | a local folder |" in card.text
    assert not any(autoencoder in file.read_text() for file in (folder / "README.md", folder / "config.yaml"))
    assert [event["event"] for event in events(config.folder, "done")] == ["done"]


def test_aspect_buckets_train_one_network(shapes_folder, tmp_path, autoencoder):
    data = {"caption_column": "caption", "ratios": [2.0, 0.5], "most": 20, "most_test": 4}
    training = {"steps": 3, "batch": 4}
    config = _stable(shapes_folder, tmp_path, autoencoder, dataset=data, training=training, sampling={"steps": 1})
    assert (train_stable(config) / "model_index.json").exists()


def test_what_cannot_work_is_refused(shapes_folder, tmp_path, autoencoder):
    with pytest.raises(Refused, match=r"Set 'dataset.caption_column'"):
        train_stable(_stable(shapes_folder, tmp_path, autoencoder, dataset={}))
    with pytest.raises(Refused, match=r"Set 'autoencoder.id'"):
        train_stable(_stable(shapes_folder, tmp_path, ""))
    with pytest.raises(Refused, match="No autoencoder was found"):
        train_stable(_stable(shapes_folder, tmp_path, str(shapes_folder)))
    with pytest.raises(Refused, match=r"Set 'dataset.class_columns'"):
        train_latents(configured(LatentConfig, shapes_folder, tmp_path, **_sections(autoencoder)))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_noise_is_taken_away_exactly_by_the_right_answer(prediction):
    config = DiffusionConfig(prediction=prediction)
    scheduler = build_scheduler(config)
    noise = Noise(scheduler, config)
    latents, chance = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    times = torch.tensor([600, 600])
    noisy, target = noise.added(latents, chance, times)
    assert float(noise.loss(target, target, times)) == 0.0
    assert float(noise.loss(target + 1.0, target, times)) > 0.0
    scheduler.set_timesteps(10)
    clean = scheduler.step(target, 600, noisy).pred_original_sample
    torch.testing.assert_close(clean, latents, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shift, half", [(1.0, 500), (3.0, 750)])
def test_half_of_shifted_times_lie_above_where_the_shift_says(shift, half):
    times = shifted_times(4_000, shift, torch.Generator().manual_seed(0))
    assert 0 <= int(times.min()) < int(times.max()) < TIMES
    assert float(times.float().median()) == pytest.approx(half, abs=25)
