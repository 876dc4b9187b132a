"""Texts are encoded once and together; pictures are decoded together, large ones in tiles."""

import numpy as np
import pytest
import torch

from inference.engine.engine import Engine
from inference.engine.families import Limits, ServedModel
from inference.engine.requests import ModelKey, Request
from tests.inference.engine.alone import drawn_alone, stock
from tests.inference.engine.matrix import Folders

MODEL = ModelKey("diffusion", "1")
JUDGE = "StableDiffusionPipeline"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return Folders(tmp_path_factory.mktemp("models"))


def ask(**changes):
    asked = {"prompt": "a red circle", "seed": 5, "steps": 2, "guidance": 3.0, "keep_latents": True}
    return Request(MODEL, **(asked | changes))


def watch(engine, part):
    """The sizes of the batches that this network is given."""
    model = engine.loading.models.acquire_loaded(MODEL)
    engine.loading.models.release(MODEL)
    network, sizes = model.networks[part], []
    forward = network.decode if part == "vae" else network.forward

    def watched(given, *more, **named):
        sizes.append(len(given))
        return forward(given, *more, **named)

    setattr(network, "decode" if part == "vae" else "forward", watched)
    return model, sizes


def in_turn(engine, requests):
    return [handle.result(60) for handle in [engine.submit(request) for request in requests]]


def test_a_text_is_encoded_once_and_kept(folders):
    with Engine(folders) as engine:
        engine.submit(ask(prompt="warm")).result(60)
        _model, sizes = watch(engine, "text_encoder")
        in_turn(engine, [ask(), ask(seed=6), ask(prompt="warm")])
        assert sum(sizes) == 1
        results = in_turn(engine, [ask(), ask(prompt="a blue square")])
        assert sum(sizes) == 2
    for request, result in zip([ask(), ask(prompt="a blue square")], results, strict=True):
        expected = drawn_alone(JUDGE, folders.folder(MODEL), request)
        assert (expected - result.latents).abs().max().item() <= 1e-4


def test_what_was_not_used_for_longest_makes_room(folders):
    with Engine(folders) as engine:
        engine.submit(ask(guidance=1.0)).result(60)
        one = engine.loading.models.acquire_loaded(MODEL).texts.nbytes
    assert one > 0
    with Engine(folders, limits=Limits(text_bytes=2 * one)) as engine:
        engine.submit(ask(guidance=1.0, prompt="warm")).result(60)
        model, sizes = watch(engine, "text_encoder")
        for prompt in ("one", "two", "one", "three", "one", "two"):
            engine.submit(ask(guidance=1.0, prompt=prompt)).result(60)
        assert model.texts.nbytes == 2 * one
        assert len(sizes) == 4  # one, two, three, and two again


def test_pictures_that_are_ready_together_are_decoded_together(folders):
    with Engine(folders) as engine:
        engine.submit(ask()).result(60)
        _model, sizes = watch(engine, "vae")
        requests = [ask(seed=seed, steps=30) for seed in range(4)]
        results = in_turn(engine, requests)
        assert max(sizes) > 1
        assert sum(sizes) == 4
    for request, result in zip(requests, results, strict=True):
        (expected,) = drawn_alone(JUDGE, folders.folder(MODEL), request, output_type="pil")
        assert np.abs(np.asarray(expected).astype(int) - np.asarray(result.picture)).max() <= 1


def test_large_pictures_are_decoded_in_tiles_and_say_so(folders):
    large = ask(width=64, height=48)
    with Engine(folders, limits=Limits(tile_above=32 * 32)) as engine:
        result, small = in_turn(engine, [large, ask()])
    assert result.parameters["tiled_decode"] is True
    assert "tiled_decode" not in small.parameters
    vae = stock(JUDGE, folders.folder(MODEL)).vae
    vae.use_tiling = True
    try:
        (expected,) = drawn_alone(JUDGE, folders.folder(MODEL), large, output_type="pil")
    finally:
        vae.use_tiling = False
    assert np.abs(np.asarray(expected).astype(int) - np.asarray(result.picture)).max() <= 1


def test_bytes_of_a_model_count_shared_weights_once(folders):
    pipeline = stock(JUDGE, folders.folder(MODEL))
    weights = {
        tensor.data_ptr(): tensor.nbytes
        for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder)
        for tensor in [*part.parameters(), *part.buffers()]
    }
    with Engine(folders) as engine:
        engine.submit(ask()).result(60)
        model: ServedModel = engine.loading.models.acquire_loaded(MODEL)
        assert model.nbytes == sum(weights.values())
        assert model.networks["unet"].dtype == torch.float32
