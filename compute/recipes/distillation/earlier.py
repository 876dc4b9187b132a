"""A student that is taught further: its network must be like its teacher's."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.training.bases import folder_of


def take_student(source: Source, network: nn.Module, *, part: str) -> None:
    """Puts the weights of an earlier student's `part` into the copy of the teacher's network. Raises Refused when they
    do not fit."""
    kind: Any = type(network)
    theirs = kind.from_pretrained(folder_of(source) / part, use_safetensors=True, dtype=torch.float32).state_dict()
    ours = network.state_dict()
    unlike = sorted(name for name in ours.keys() | theirs.keys() if _shape(ours, name) != _shape(theirs, name))
    if unlike:
        raise Refused(
            f"{source.id} has another network than its teacher would have ({len(unlike)} weights differ in shape, "
            f"{unlike[0]} first). Choose a student of this teacher with 'earlier.id'."
        )
    network.load_state_dict(theirs)


def _shape(state: dict[str, Any], name: str) -> tuple[int, ...] | None:
    return tuple(state[name].shape) if name in state else None
