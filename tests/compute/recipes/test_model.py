"""The parts of the model: exact where they claim to be exact."""

import pytest
import torch
from diffusers.models.attention_processor import JointAttnProcessor2_0

from compute.recipes.text_to_image.config import ModelConfig, SamplingConfig
from compute.recipes.text_to_image.flow import draw_times
from compute.recipes.text_to_image.model import (
    CountedAttention,
    build_network,
    build_pipeline,
    identity_autoencoder,
)
from compute.recipes.text_to_image.sampling import generate
from compute.recipes.text_to_image.tokenizer import build_tokenizer
from compute.recipes.training.optimizers import progress_of, rate_factor

CAPTIONS = ["a red circle on a white background", "a blue square on a black background"]


@pytest.fixture
def network():
    torch.manual_seed(0)
    tokenizer = build_tokenizer(CAPTIONS, merges=100, max_tokens=16)
    sizes = ModelConfig(patch=8, width=32, layers=2, heads=2, text_width=16, text_layers=2)
    network = build_network(sizes, tokenizer, picture_size=32)
    # Modulation and output start at zero; a network that answers nothing would prove nothing.
    with torch.no_grad():
        for weight in network.transformer.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return network


@torch.no_grad()
def test_autoencoder_changes_nothing():
    autoencoder = identity_autoencoder()
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    latents = autoencoder.encode(pictures).latents * autoencoder.config.scaling_factor
    torch.testing.assert_close(latents, pictures, atol=1e-6, rtol=0)
    back = autoencoder.decode(latents / autoencoder.config.scaling_factor).sample
    torch.testing.assert_close(back, pictures, atol=2e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("padding", [1, 7, 256])
def test_one_counted_token_equals_that_many_zero_tokens(network, padding):
    tokens = torch.tensor(network.tokenizer(CAPTIONS, padding="max_length").input_ids)
    states, pooled = network.encode(tokens)
    inputs = {
        "hidden_states": torch.randn(2, 3, 32, 32),
        "timestep": torch.tensor([200.0, 700.0]),
        "pooled_projections": pooled,
        "return_dict": False,
    }
    network.transformer.set_attn_processor(JointAttnProcessor2_0())
    many = torch.nn.functional.pad(states, (0, 0, 0, padding - 1))
    expected = network.transformer(encoder_hidden_states=many, **inputs)[0]
    network.transformer.set_attn_processor(CountedAttention(padding))
    counted = network.transformer(encoder_hidden_states=states, **inputs)[0]
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(counted, expected, atol=1e-5, rtol=1e-4)


def test_silent_encoder_and_no_encoder_draw_the_same(network):
    pipeline = build_pipeline(network, shift=1.0)
    sampling = {"config": SamplingConfig(steps=2, guidance=2.0), "seed": 5}
    silent = generate(pipeline, CAPTIONS, **sampling)
    pipeline.text_encoder_3 = pipeline.tokenizer_3 = None
    absent = generate(pipeline, CAPTIONS, **sampling)
    assert [picture.tobytes() for picture in silent] == [picture.tobytes() for picture in absent]


@pytest.mark.parametrize("text", ["a red circle", "Naïve café, 3 € / 漢字 😀!", ""])
def test_tokenizer_knows_every_byte(text):
    tokenizer = build_tokenizer(CAPTIONS, merges=100, max_tokens=64)
    tokens = tokenizer(text).input_ids
    assert tokenizer.unk_token_id not in tokens[1:-1]
    decoded = tokenizer.decode(tokens, skip_special_tokens=True)
    assert decoded.replace(" ", "") == text.lower().replace(" ", "")


def test_frequent_words_become_one_token():
    tokenizer = build_tokenizer(CAPTIONS, merges=100, max_tokens=16)
    assert tokenizer.tokenize("a red square") == ["a</w>", "red</w>", "square</w>"]


def test_times_lie_inside_and_shift_towards_noise():
    def times(shift):
        random = torch.Generator().manual_seed(0)
        return draw_times(1000, mean=0.0, deviation=1.0, shift=shift, random=random)

    assert 0 < times(1.0).min() < times(1.0).max() < 1
    assert abs(times(1.0).mean() - 0.5) < 0.02
    assert (times(3.0) > times(1.0)).all()


def test_rate_climbs_stays_and_falls():
    factors = [rate_factor(p, warmup=0.1, decay=0.5) for p in (0.0, 0.05, 0.1, 0.5, 0.75, 1.0)]
    assert factors == pytest.approx([0.01, 0.5, 1.0, 1.0, 0.5, 0.01])
    assert rate_factor(0.5, warmup=0.0, decay=0.0) == 1.0


def test_progress_follows_whichever_limit_is_nearer():
    assert progress_of(10, 100, 5.0, 0.0) == 0.1
    assert progress_of(10, 100, 5.0, 10.0) == 0.5
    assert progress_of(100, 100, 99.0, 10.0) == 1.0
