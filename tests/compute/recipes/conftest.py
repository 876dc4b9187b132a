"""A data set and a configuration so small that training takes a second."""

import pytest
import torch
import yaml
from diffusers import StableDiffusion3Pipeline

from compute.recipes.autoencoder.config import Config as AutoencoderConfig
from compute.recipes.autoencoder.program import run as train_autoencoder
from compute.recipes.configuration import build
from compute.recipes.mmdit.config import Config as MmditConfig
from compute.recipes.mmdit.program import run as train_mmdit
from compute.recipes.shapes.parquet import write_parquet
from compute.recipes.stable_diffusion.config import Config as StableConfig
from compute.recipes.stable_diffusion.program import run as train_stable
from compute.recipes.text_to_image.config import Config
from tests.compute.recipes.small import TUNED, configured


@pytest.fixture(scope="session")
def shapes_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "shapes"
    write_parquet(folder, train=120, test=24)
    return folder


@pytest.fixture
def tiny_plain(shapes_folder, tmp_path):
    """The plain data of a configuration that trains in a second on one thread."""
    return {
        "seed": 3,
        "output": str(tmp_path / "output"),
        "credits": [{"user": "maker", "roles": ["data-curation"]}],
        "dataset": {"path": str(shapes_folder)},
        "model": {"patch": 8, "width": 32, "layers": 2, "heads": 2, "text_width": 16, "text_layers": 2},
        "training": {
            "steps": 24,
            "batch": 4,
            "accumulate": 2,
            "checkpoint_every": 4,
            "log_every": 2,
            "threads": 1,
            "ema": 0.9,
        },
        "sampling": {"steps": 2},
        "validation": {"pictures": 2},
        "publish": {"title": "Tiny shapes"},
    }


@pytest.fixture
def tiny(tiny_plain):
    """Changes, by section, to the tiny configuration: `tiny(training={"steps": 3})`."""

    def make(**changes):
        plain = dict(tiny_plain)
        for key, value in changes.items():
            plain[key] = {**plain[key], **value} if isinstance(plain.get(key), dict) else value
        return build(Config, plain)

    return make


@pytest.fixture
def tiny_file(tiny_plain, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_plain))
    return path


@pytest.fixture(scope="session")
def autoencoder(shapes_folder, tmp_path_factory):
    """A KL autoencoder that saw a few batches: what diffusion recipes build on."""
    model = {"channels": [16, 16, 16], "discriminator_width": 8}
    training = {"steps": 10, "batch": 8, "feature_steps": 2, "discriminator_start": 9}
    output = tmp_path_factory.mktemp("autoencoder")
    return str(train_autoencoder(configured(AutoencoderConfig, shapes_folder, output, model=model, training=training)))


@pytest.fixture(scope="session")
def stable(autoencoder, shapes_folder, tmp_path_factory):
    """A small Stable Diffusion pipeline, trained for a few seconds: what fine-tunes and adapters begin with."""
    sections = {"model": {"channels": [16, 32], "text_width": 32, "heads": 2}, **TUNED}
    sections |= {"dataset": {"caption_column": "caption"}, "autoencoder": {"id": autoencoder}}
    return str(train_stable(configured(StableConfig, shapes_folder, tmp_path_factory.mktemp("stable"), **sections)))


@pytest.fixture(scope="session")
def on_latents(autoencoder, shapes_folder, tmp_path_factory):
    """A small Stable Diffusion 3 on latents without a third encoder, kept in half precision."""
    model = {"patch": 1, "width": 32, "layers": 2, "heads": 2, "text_width": 16}
    sections = {"dataset": {"caption_column": "caption"}, "model": model, "autoencoder": {"id": autoencoder}, **TUNED}
    whole = train_mmdit(configured(MmditConfig, shapes_folder, tmp_path_factory.mktemp("mmdit"), **sections))
    folder = tmp_path_factory.mktemp("pair")
    half = StableDiffusion3Pipeline.from_pretrained(whole, text_encoder_3=None, tokenizer_3=None, dtype=torch.bfloat16)
    half.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    return str(folder)


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
