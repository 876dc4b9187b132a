"""Latents to pictures: those that are ready together in one call, as far as memory reasonably goes."""

from __future__ import annotations

from typing import Any

from inference.engine.calls import Call, answer

# Decoding takes far more memory for a pixel than denoising does.
PIXELS_IN_A_CALL = 4 * 2**20


def decoded(calls: list[Call], *, factor: int, tile_above: int, each_alone: bool = False) -> list[Any]:
    """The output of each call. Pictures of more than `tile_above` pixels are decoded in overlapping tiles.

    A compiled decoder takes `each_alone`: one picture fills a GPU, and one form is compiled.
    """
    pixels = pixels_of(calls[0], factor)
    network = calls[0].network
    at_once = 1 if each_alone else max(1, PIXELS_IN_A_CALL // pixels)
    tiles_before = network.use_tiling
    network.use_tiling = tiles_before or pixels > tile_above
    try:
        parts = [calls[start : start + at_once] for start in range(0, len(calls), at_once)]
        return [output for part in parts for output in answer(part)]
    finally:
        network.use_tiling = tiles_before


def pixels_of(call: Call, factor: int) -> int:
    height, width = call.arguments[0].shape[-2:]
    return int(height) * int(width) * factor**2
