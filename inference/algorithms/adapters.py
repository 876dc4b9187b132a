"""Whether a LoRA fits a model, by the names and shapes that headers of safetensors tell."""

from collections.abc import Iterable, Mapping

PARTS = ("unet", "transformer", "text_encoder", "text_encoder_2", "text_encoder_3")
_DOWN = (".lora_A.weight", ".lora.down.weight")
_UP = (".lora_B.weight", ".lora.up.weight")

Shape = tuple[int, ...]


def what_does_not_fit(
    adapter: Mapping[str, Shape], *, parts: Iterable[str], denoiser: str, network: Mapping[str, Shape]
) -> str:
    """The first tensor of the adapter that the model has no place for; empty when all have one.

    `parts` are the model's components; `network` the tensors of `denoiser`, empty when nobody can
    say: then names alone are compared.
    """
    known = set(parts)
    for name, shape in adapter.items():
        layer, is_up = _layer(name)
        part, _dot, path = layer.partition(".")
        if not path or part not in PARTS or part not in known:
            return name
        if part == denoiser and network and not _fits(shape, is_up, network.get(f"{path}.weight")):
            return name
    return ""


def _layer(name: str) -> tuple[str, bool]:
    """The layer that a tensor changes, and whether it is the second of its two matrices; "" for other names."""
    for endings, is_up in ((_DOWN, False), (_UP, True)):
        for ending in endings:
            if name.endswith(ending):
                return name.removesuffix(ending), is_up
    return "", False


def _fits(shape: Shape, is_up: bool, weight: Shape | None) -> bool:
    if weight is None or not shape:
        return False
    return shape[0] == weight[0] if is_up else shape[1:] == weight[1:]
