"""Requests with different LoRAs, several or none share calls; each is what the stock pipeline draws with its own."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.engine.engine import Engine
from inference.engine.folders import LORA_FILE
from inference.engine.requests import BadRequest, LoraUse, ModelKey, ModelRefused, Request
from tests.inference.engine.alone import drawn_alone, stock
from tests.inference.engine.matrix import Folders

pytestmark = pytest.mark.filterwarnings("ignore:Already found a `peft_config` attribute:UserWarning")

LAYERS = {
    "unet": ["to_q", "to_v", "to_out.0", "conv1", "proj_in", "time_emb_proj"],
    "transformer": ["to_q", "to_k", "add_q_proj", "to_out.0"],
    "text_encoder": ["q_proj", "out_proj"],
}
JUDGES = {
    "diffusion": "StableDiffusionPipeline",
    "xl": "StableDiffusionXLPipeline",
    "wide": "StableDiffusion3Pipeline",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Models, and of each two LoRAs: one of its denoiser with an alpha, one of its text encoder too."""
    found = Folders(tmp_path_factory.mktemp("models"))
    for model, judge in JUDGES.items():
        pipeline = stock(judge, found.folder(ModelKey(model, "1")))
        denoiser = "unet" if hasattr(pipeline, "unet") else "transformer"
        make_lora(pipeline, found.root / f"{model}-one", [denoiser], rank=4, alpha=8, seed=1)
        make_lora(pipeline, found.root / f"{model}-two", [denoiser, "text_encoder"], rank=2, alpha=2, seed=2)
    return found


def make_lora(pipeline, folder, parts, *, rank, alpha, seed):
    """As a training program does it: peft adds layers, diffusers saves them."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    torch.manual_seed(seed)
    layers, metadata = {}, {}
    for part in parts:
        network = getattr(pipeline, part)
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=LAYERS[part], init_lora_weights="gaussian")
        network.add_adapter(config, adapter_name="made")
        for name, parameter in network.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.05)
        layers[f"{part}_lora_layers"] = get_peft_model_state_dict(network, adapter_name="made")
        metadata[f"{part}_lora_adapter_metadata"] = config.to_dict()
        network.delete_adapters("made") if hasattr(network, "delete_adapters") else network.delete_adapter("made")
    type(pipeline).save_lora_weights(folder, **layers, **metadata)
    return folder


def uses(model, *named):
    return tuple(LoraUse(ModelKey(f"{model}-{name}", "1"), scale) for name, scale in named)


def ask(model, seed, *named, **changes):
    asked = {"prompt": "a red circle", "seed": seed, "steps": 3 + seed % 3, "guidance": 1.0 + seed % 2}
    return Request(ModelKey(model, "1"), loras=uses(model, *named), keep_latents=True, **(asked | changes))


def drawn_with_loras(judge, folders, request):
    """The stock pipeline with `load_lora_weights` and `set_adapters`."""
    pipeline = stock(judge, folders.folder(request.model))
    names = [use.lora.repository for use in request.loras]
    for name in names:
        pipeline.load_lora_weights(folders.root / name, adapter_name=name.replace("-", "_"))
    if names:
        pipeline.set_adapters([name.replace("-", "_") for name in names], [use.scale for use in request.loras])
    try:
        return drawn_alone(judge, folders.folder(request.model), request)
    finally:
        if names:
            pipeline.unload_lora_weights()


@pytest.mark.parametrize(("model", "judge"), JUDGES.items())
def test_rows_of_different_loras_share_calls_and_stay_exact(folders, model, judge):
    requests = [
        ask(model, 1, ("one", 1.0)),
        ask(model, 2, ("two", 0.5)),
        ask(model, 3),
        ask(model, 4, ("one", 0.7), ("two", 1.3)),
        ask(model, 5, ("one", -0.4)),
    ]
    with Engine(folders) as engine:
        engine.submit(ask(model, 1, ("one", 1.0), ("two", 1.0))).result(60)
        results = [handle.result(60) for handle in [engine.submit(request) for request in requests]]
        assert engine.counts.calls < 0.7 * engine.counts.row_steps
    without = drawn_alone(judge, folders.folder(requests[0].model), ask(model, 1))
    assert (without - results[0].latents).abs().max().item() > 1e-3
    for request, result in zip(requests, results, strict=True):
        expected = drawn_with_loras(judge, folders, request)
        assert (expected - result.latents).abs().max().item() <= 1e-4
    assert results[3].parameters["loras"] == [
        {"model": f"{model}-one", "commit": "1", "scale": 0.7},
        {"model": f"{model}-two", "commit": "1", "scale": 1.3},
    ]


def test_the_older_names_of_diffusers_are_read_too(folders):
    older = shutil.copytree(folders.root / "diffusion-one", folders.root / "diffusion-older")
    file = older / LORA_FILE
    renamed = {
        name.replace(".lora_A.", ".lora.down.").replace(".lora_B.", ".lora.up."): tensor
        for name, tensor in load_file(file).items()
    }
    save_file(renamed, file)
    request = ask("diffusion", 2, ("older", 1.0))
    with Engine(folders) as engine:
        result = engine.submit(request).result(60)
    expected = drawn_with_loras("StableDiffusionPipeline", folders, request)
    assert (expected - result.latents).abs().max().item() <= 1e-4


def test_the_least_recently_used_lora_makes_room(folders):
    one, two = (ModelKey(f"diffusion-{name}", "1") for name in ("one", "two"))
    with Engine(folders) as engine:
        engine.submit(ask("diffusion", 1, ("one", 1.0), ("two", 1.0))).result(60)
        assert engine.loading.loras.loaded == [one, two]
        both = engine.loading.loras.nbytes
    with Engine(folders, max_lora_bytes=both) as engine:
        engine.submit(ask("diffusion", 1, ("one", 1.0))).result(60)
        engine.submit(ask("diffusion", 1, ("two", 1.0))).result(60)
        assert engine.loading.loras.loaded == [two]
        with pytest.raises(ModelRefused, match="too_large"):
            engine.submit(ask("diffusion", 1, ("one", 1.0), ("two", 1.0))).result(60)
        # What was refused holds nothing back.
        assert engine.submit(ask("diffusion", 1, ("one", 1.0))).result(60).parameters["seed"] == 1


def test_a_lora_of_another_model_is_refused_in_words(folders):
    with Engine(folders) as engine:
        wrong = Request(ModelKey("diffusion", "1"), "x", seed=1, steps=2, guidance=1.0, loras=uses("wide", ("one", 1)))
        with pytest.raises(BadRequest, match="does not fit this model: transformer"):
            engine.submit(wrong).result(60)


WEIGHTS = {"unet.conv_in.lora_A.weight": torch.zeros(2, 4, 3, 3), "unet.conv_in.lora_B.weight": torch.zeros(8, 2, 1, 1)}


@pytest.mark.parametrize(
    ("tensors", "metadata", "words"),
    [
        ({"lora_unet_conv_in.lora_down.weight": torch.zeros(2, 2)}, None, "lora_unet_conv_in"),
        ({"unet.conv_in.lora_A.weight": torch.zeros(2, 4, 3, 3)}, None, "unet.conv_in"),
        ({**WEIGHTS, "unet.conv_in.lora_magnitude_vector": torch.zeros(8)}, None, "magnitude"),
        (WEIGHTS, {"unet.use_dora": True}, "use_dora"),
        (
            {"vae.conv_in.lora_A.weight": torch.zeros(2, 2), "vae.conv_in.lora_B.weight": torch.zeros(2, 2)},
            None,
            "no part",
        ),
        ({}, None, "no layers"),
    ],
)
def test_other_formats_are_refused(folders, tmp_path, tensors, metadata, words):
    folder = folders.root / "diffusion-wrong"
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / LORA_FILE, metadata and {"lora_adapter_metadata": json.dumps(metadata)})
    with Engine(folders) as engine, pytest.raises(ModelRefused, match=words):
        engine.submit(ask("diffusion", 1, ("wrong", 1.0))).result(60)


def test_a_pickle_is_not_read(folders):
    folder = folders.root / "diffusion-pickle"
    folder.mkdir(exist_ok=True)
    torch.save(WEIGHTS, folder / "pytorch_lora_weights.bin")
    with Engine(folders) as engine, pytest.raises(ModelRefused, match="not_a_lora"):
        engine.submit(ask("diffusion", 1, ("pickle", 1.0))).result(60)
