"""Weights in shards: each process keeps its part of every weight and gathers a block's when it is computed (FSDP)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

HOOKS = ("_forward_pre_hooks", "_forward_hooks")  # where torch keeps what is called around a module


def sharded(module: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """The module itself, its weights in shards. What is in lists of blocks is gathered block by block."""
    for block in _blocks(module):
        fully_shard(block, mesh=mesh)
    # A single number cannot be cut; frozen ones stay as they are, and the library refuses those that are trained.
    single = {weight for weight in module.parameters() if weight.ndim == 0 and not weight.requires_grad}
    return fully_shard(module, mesh=mesh, ignored_params=single)


@contextmanager
def apart(module: nn.Module) -> Iterator[None]:
    """Within it, gradients stay here: more batches of the step follow."""
    assert isinstance(module, FSDPModule)
    module.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        module.set_requires_gradient_sync(True)


def own(weight: Tensor) -> Tensor:
    """The part of a weight that is here; of a weight that is whole, all of it."""
    weight = weight.detach()
    return weight.to_local() if isinstance(weight, DTensor) else weight


def whole(value: Tensor) -> Tensor:
    """All of it, gathered from every process: every process must ask."""
    return value.detach().full_tensor() if isinstance(value, DTensor) else value


def joined(part: Tensor, weight: Tensor) -> Tensor:
    """The whole of which every process has such a part of `weight`: every process must ask."""
    if not isinstance(weight, DTensor):
        return part
    stride = weight.stride()
    shards = DTensor.from_local(part, weight.device_mesh, weight.placements, shape=weight.shape, stride=stride)
    return shards.full_tensor()


def shared_out(value: Tensor, weight: Tensor) -> Tensor:
    """A whole value, which every process has, in shards as those of `weight`."""
    if not isinstance(weight, DTensor) or value.shape != weight.shape:
        return value
    return distribute_tensor(value.to(weight.device), weight.device_mesh, weight.placements, src_data_rank=None)


def whole_state(module: nn.Module) -> dict[str, Tensor]:
    """The module's state as it would be in one process: every process must ask."""
    return {name: whole(value) for name, value in module.state_dict().items()}


def load_whole_state(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Takes what `whole_state` gave, with however many processes."""
    here = module.state_dict()
    module.load_state_dict({name: shared_out(v, here[name]) if name in here else v for name, v in state.items()})


@contextmanager
def replaced(module: nn.Module, weights: Sequence[nn.Parameter], values: Sequence[Tensor]) -> Iterator[None]:
    """Within it, the module is an ordinary one: whole `values` in place of `weights`, and the rest gathered.

    Every process must enter it; after that each computes and saves as if it were alone.
    """
    put: dict[int, nn.Parameter] = {id(w): _resting(v) for w, v in zip(weights, values, strict=True)}
    before: list[tuple[nn.Module, dict[str, Any]]] = []
    for each in module.modules():
        inside = vars(each)
        before.append((each, {name: inside[name].copy() for name in ("_parameters", *HOOKS)}))
        for name, weight in inside["_parameters"].items():
            if isinstance(weight, DTensor):
                if id(weight) not in put:
                    put[id(weight)] = _resting(whole(weight))
                inside["_parameters"][name] = put[id(weight)]
        if isinstance(each, FSDPModule):
            # They would gather what is whole, and wait for processes that compute something else.
            for name in HOOKS:
                inside[name].clear()
    try:
        yield
    finally:
        for each, kept in before:
            for name, values_before in kept.items():
                vars(each)[name].update(values_before)


def is_sharded(weights: Sequence[Tensor]) -> bool:
    return any(isinstance(weight, DTensor) for weight in weights)


def _blocks(module: nn.Module) -> list[nn.Module]:
    """The members of the outermost lists, but the first: some networks read weights of it from outside (DiT)."""
    if isinstance(module, nn.ModuleList):
        return [block for block in list(module)[1:] if any(True for _ in block.parameters())]
    return [block for child in module.children() for block in _blocks(child)]


def of_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Its state as it would be in one process: every process must ask."""
    state = optimizer.state_dict()
    return state | {"state": {place: _each(values, whole) for place, values in state["state"].items()}}


def to_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Takes what `of_optimizer` gave, with however many processes."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    parts = {
        place: _each(values, lambda value, weight=weights[place]: shared_out(value, weight))
        for place, values in state["state"].items()
    }
    optimizer.load_state_dict(state | {"state": parts})


def _each(values: Mapping[str, Any], change: Any) -> dict[str, Any]:
    return {name: change(value) if isinstance(value, Tensor) else value for name, value in values.items()}


def _resting(value: Tensor) -> nn.Parameter:
    return nn.Parameter(value, requires_grad=False)
