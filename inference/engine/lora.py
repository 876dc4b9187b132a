"""Low-rank adapters (arXiv 2106.09685) of single requests, inside calls that several requests share.

A layer that an adapter changes gets, for the rows of the requests that use it, the adapter's part
added to its output. Nothing is written into the model's weights, so rows of different adapters
and of none go through one call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from inference.engine.folders import LORA_FILE
from inference.engine.requests import BadRequest, ModelRefused

PARTS = ("unet", "transformer", "text_encoder", "text_encoder_2", "text_encoder_3")
DOWN = (".lora_A.weight", ".lora.down.weight")
UP = (".lora_B.weight", ".lora.up.weight")
METADATA = "lora_adapter_metadata"
# Variants whose arithmetic is another; the name stands in the keys or in the metadata.
OTHER_KINDS = ("lora_magnitude_vector", "use_dora", "use_rslora")


@dataclass(frozen=True)
class Pair:
    """What one layer is changed by: up(down(x)) * weight."""

    down: Tensor
    up: Tensor
    weight: float

    def of(self, layer: nn.Module, inputs: Tensor) -> Tensor:
        if isinstance(layer, nn.Conv2d):
            low = nn.functional.conv2d(inputs, self.down, None, layer.stride, layer.padding, layer.dilation)
            return nn.functional.conv2d(low, self.up) * self.weight
        return nn.functional.linear(nn.functional.linear(inputs, self.down), self.up) * self.weight

    def fits(self, layer: nn.Module) -> bool:
        weight = getattr(layer, "weight", None)
        if not isinstance(layer, nn.Linear | nn.Conv2d) or weight is None:
            return False
        return self.up.shape[0] == weight.shape[0] and self.down.shape[1:] == weight.shape[1:]


@dataclass(frozen=True)
class Lora:
    """An adapter in memory: for each part of the pipeline, the layers it changes."""

    parts: dict[str, dict[str, Pair]]
    nbytes: int

    def check(self, networks: dict[str, Any]) -> None:
        """Raises BadRequest unless every layer is there and of the right shape."""
        for part, pairs in self.parts.items():
            for path, pair in pairs.items():
                try:
                    fits = pair.fits(_layer(networks[part], path))
                except (KeyError, AttributeError):
                    fits = False
                if not fits:
                    raise BadRequest(f"the LoRA does not fit this model: {part}.{path}")


@dataclass(frozen=True)
class Use:
    """An adapter with the strength that one request gives it."""

    lora: Lora
    scale: float


def load_lora(folder: Path, *, device: str, dtype: torch.dtype) -> Lora:
    """Read an adapter in the format of diffusers and peft. Raises ModelRefused for any other."""
    try:
        with safe_open(folder / LORA_FILE, "pt", device=device) as file:
            metadata = json.loads((file.metadata() or {}).get(METADATA, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelRefused("not_a_lora", LORA_FILE) from error
    others = [kind for kind in OTHER_KINDS if any(kind in name for name in tensors) or _says(metadata, kind)]
    if others:
        raise ModelRefused("not_a_lora", f"{others[0]} is not supported")
    parts: dict[str, dict[str, Pair]] = {}
    for path, (down, up) in _pairs(tensors).items():
        part, _dot, layer = path.partition(".")
        if part not in PARTS:
            raise ModelRefused("not_a_lora", f"{path} belongs to no part of a pipeline"[:200])
        alpha = _alpha(part, layer, metadata)
        weight = 1.0 if alpha is None else alpha / down.shape[0]
        parts.setdefault(part, {})[layer] = Pair(down.to(dtype), up.to(dtype), weight)
    if not parts:
        raise ModelRefused("not_a_lora", "no layers")
    pairs = [pair for layers in parts.values() for pair in layers.values()]
    return Lora(parts, sum(pair.down.nbytes + pair.up.nbytes for pair in pairs))


@contextmanager
def adapted(network: Any, part: str, rows: list[tuple[int, tuple[Use, ...]]]) -> Iterator[None]:
    """Within this, each row (how many of the batch it has, and its adapters) is computed with its own adapters."""
    changes: dict[str, list[tuple[slice, Pair, float]]] = {}
    start = 0
    for size, uses in rows:
        place = slice(start, start + size)
        start += size
        for use in uses:
            for path, pair in use.lora.parts.get(part, {}).items():
                changes.setdefault(path, []).append((place, pair, use.scale))
    with ExitStack() as hooks:
        for path, own in changes.items():
            handle = _layer(network, path).register_forward_hook(_adding(own))
            hooks.callback(handle.remove)
        yield


def _layer(network: Any, path: str) -> nn.Module:
    """Text encoders have lost a level of their names; adapters made before still say it."""
    return network.get_submodule(path if hasattr(network, "text_model") else path.removeprefix("text_model."))


def _adding(changes: list[tuple[slice, Pair, float]]) -> Any:
    def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        for place, pair, scale in changes:
            output[place] += scale * pair.of(layer, inputs[0][place])
        return output

    return add


def _pairs(tensors: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Path of a layer, part first, to its two matrices. Raises ModelRefused for a key that says something else."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        for side, endings in (("down", DOWN), ("up", UP)):
            ending = next((ending for ending in endings if name.endswith(ending)), None)
            if ending is not None:
                found.setdefault(name.removesuffix(ending), {})[side] = tensor
                break
        else:
            raise ModelRefused("not_a_lora", name[:200])
    for path, sides in found.items():
        if len(sides) != 2 or sides["down"].shape[0] != sides["up"].shape[1]:
            raise ModelRefused("not_a_lora", path[:200])
    return {path: (sides["down"], sides["up"]) for path, sides in found.items()}


def _alpha(part: str, layer: str, metadata: dict[str, Any]) -> float | None:
    by_layer = metadata.get(f"{part}.alpha_pattern") or {}
    alpha = by_layer.get(layer, metadata.get(f"{part}.lora_alpha"))
    return None if alpha is None else float(alpha)


def _says(metadata: dict[str, Any], kind: str) -> bool:
    return any(name.endswith(kind) and value for name, value in metadata.items())
