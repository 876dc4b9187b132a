"""Repeated text tokens are computed once, with the same outcome."""

import copy

import pytest
import torch
from diffusers import SD3Transformer2DModel

from inference.engine.repeats import once_for_repeats, once_for_silence


class Watched:
    """A forward that notes how many text tokens it was given."""

    def __init__(self, forward):
        self.forward, self.tokens = forward, []

    def __call__(self, **named):
        self.tokens.append(named["encoder_hidden_states"].shape[1])
        return self.forward(**named)


@pytest.fixture(scope="module")
def transformer():
    torch.manual_seed(0)
    return SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=3,
        num_attention_heads=2,
        attention_head_dim=16,
        caption_projection_dim=32,
        joint_attention_dim=24,
        pooled_projection_dim=16,
        pos_embed_max_size=8,
        qk_norm="rms_norm",
        dual_attention_layers=(0,),
    ).eval()


def inputs(text, height=8):
    torch.manual_seed(1)
    rows = len(text)
    return {
        "hidden_states": torch.randn(rows, 4, height, 8),
        "encoder_hidden_states": text,
        "pooled_projections": torch.randn(rows, 16),
        "timestep": torch.linspace(100.0, 900.0, rows),
        "return_dict": False,
    }


def text_of(*lengths, tokens=100):
    """Rows of text with zeros after their ends."""
    torch.manual_seed(2)
    text = torch.randn(len(lengths), tokens, 24)
    for row, length in zip(text, lengths, strict=True):
        row[length:] = 0
    return text


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (text_of(20, 20), 21),
        (text_of(20, 31, 5), 32),
        (text_of(100, 20), 100),
        (text_of(80), 100),
        (text_of(0), 1),
    ],
)
@torch.no_grad()
def test_the_outcome_is_the_same(transformer, text, given):
    watched = Watched(transformer.forward)
    once = once_for_repeats(watched, 2)
    for height in (8, 12):
        (expected,) = transformer(**inputs(text, height))
        (seen,) = once(**inputs(text, height))
        assert (expected - seen).abs().max().item() < 1e-5
    assert watched.tokens == [given, given]


@torch.no_grad()
def test_keys_laid_down_often_are_those_of_a_silent_encoder(transformer):
    text = text_of(20, 20)
    (expected,) = transformer(**inputs(text))
    changed = copy.deepcopy(transformer)
    once_for_silence(changed, 80)
    (seen,) = changed(**inputs(text))
    assert (expected - seen).abs().max().item() < 1e-5
    (less,) = transformer(**inputs(text[:, :21]))
    assert (expected - less).abs().max().item() > 1e-4  # it matters how often they are there
