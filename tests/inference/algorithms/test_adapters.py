import pytest

from inference.algorithms.adapters import what_does_not_fit

NETWORK = {"down.to_q.weight": (8, 4), "conv.weight": (8, 4, 3, 3)}
FITS = {
    "unet.down.to_q.lora_A.weight": (2, 4),
    "unet.down.to_q.lora_B.weight": (8, 2),
    "unet.conv.lora.down.weight": (2, 4, 3, 3),
    "unet.conv.lora.up.weight": (8, 2, 1, 1),
    "text_encoder.q_proj.lora_A.weight": (2, 999),
}


def wrong(adapter, **facts):
    return what_does_not_fit(
        adapter, **({"parts": ["unet", "text_encoder"], "denoiser": "unet", "network": NETWORK} | facts)
    )


def test_an_adapter_with_a_place_for_each_tensor_fits():
    assert wrong(FITS) == ""
    assert wrong(FITS, network={}) == ""


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("transformer.down.to_q.lora_A.weight", (2, 4)),
        ("unet.up.to_q.lora_A.weight", (2, 4)),
        ("unet.down.to_q.lora_A.weight", (2, 5)),
        ("unet.down.to_q.lora_B.weight", (4, 2)),
        ("lora_unet_down_to_q.lora_down.weight", (2, 4)),
        ("unet.down.to_q.lora_magnitude_vector", (8,)),
        ("unet.lora_A.weight", (2, 4)),
    ],
)
def test_what_has_no_place_is_named(name, shape):
    assert wrong(FITS | {name: shape}) == name
