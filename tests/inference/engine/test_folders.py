"""What the engine refuses to load."""

import pickle
import shutil

import pytest

from inference.engine.folders import check_folder, weights_size
from inference.engine.requests import ModelRefused
from tests.inference.pipelines import spoil


@pytest.fixture
def folder(flow_folder, tmp_path):
    return shutil.copytree(flow_folder, tmp_path / "model")


def refusal_of(folder):
    with pytest.raises(ModelRefused) as caught:
        check_folder(folder)
    return caught.value.code


def test_a_stock_pipeline_passes(folder):
    assert check_folder(folder)["_class_name"] == "StableDiffusion3Pipeline"


def test_weights_in_a_pickle_are_refused(folder):
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.unlink()
    weights.with_suffix(".bin").write_bytes(pickle.dumps({"proj_out.weight": 1}))
    assert refusal_of(folder) == "no_safetensors"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"transformer": ["my_model", "Evil"]}, "custom_code"),
        ({"transformer": ["my.module", "Evil"]}, "custom_code"),
        ({"_class_name": ["pipeline", "Mine"]}, "not_a_pipeline"),
        ({"_class_name": "AudioLDMPipeline"}, "unknown_pipeline"),
        ({"_class_name": None}, "not_a_pipeline"),
        ({"../up": ["diffusers", "AutoencoderTiny"]}, "not_a_pipeline"),
        ({"text_encoder_4": ["transformers", "CLIPTextModel"]}, "missing_part"),
    ],
)
def test_what_model_index_may_not_say(folder, changes, code):
    spoil(folder, "model_index.json", **changes)
    assert refusal_of(folder) == code


def test_a_component_that_brings_its_own_code_is_refused(folder):
    spoil(folder, "text_encoder/config.json", auto_map={"AutoModel": "modeling.Evil"})
    assert refusal_of(folder) == "custom_code"


def test_a_folder_without_model_index_is_no_pipeline(tmp_path):
    assert refusal_of(tmp_path) == "not_a_pipeline"


def test_model_index_that_is_not_json_is_no_pipeline(folder):
    (folder / "model_index.json").write_bytes(b"\xff{")
    assert refusal_of(folder) == "not_a_pipeline"


def test_all_weights_count_where_room_is_made(folder, tmp_path):
    (tmp_path / "eyes").mkdir()
    (tmp_path / "eyes" / "model.safetensors").write_bytes(b"12345")
    assert weights_size(tmp_path / "eyes") == 5
    assert weights_size(folder) == sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
