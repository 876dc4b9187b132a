"""Training starts from safetensors only; a pickle in its place is never loaded."""

import os
import pickle
import shutil
from pathlib import Path

import pytest

from compute.recipes.refusal import Refused
from compute.recipes.text_to_image.base import load_base
from compute.recipes.training.bases import look_up_finished
from compute.recipes.training.config import SourceConfig

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "shapes-tiny"


class Marks:
    """Leaves a mark when it is unpickled."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return os.mkdir, (self.place,)


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("transformer", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
        ("text_encoder", "model.safetensors", "pytorch_model.bin"),
        ("vae", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
    ],
)
def test_a_base_with_a_pickle_is_refused_unloaded(tmp_path, part, old, new):
    folder = shutil.copytree(FIXTURE, tmp_path / "base")
    (folder / part / old).unlink()
    mark = tmp_path / "ran"
    (folder / part / new).write_bytes(pickle.dumps({"x": Marks(str(mark))}))
    with pytest.raises(OSError, match="safetensors"):
        load_base(folder, "base")
    assert not mark.exists()


def test_a_base_of_pickles_alone_is_refused(tmp_path):
    folder = shutil.copytree(FIXTURE, tmp_path / "base", ignore=shutil.ignore_patterns("*.safetensors"))
    with pytest.raises(Refused, match="has no weights in safetensors"):
        look_up_finished(SourceConfig(str(folder)), "StableDiffusion3Pipeline")
