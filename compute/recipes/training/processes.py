"""One process or many: `torchrun` starts them, `accelerate` joins them, the loop stays the same."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh

from compute.recipes.refusal import Refused
from compute.recipes.training import shards


class Processes:
    """The processes of one training run, each with a whole copy of the networks or, with `shard`, its part of them.

    `index` counts from 0 and `count` is their number. The first is the one that writes.
    """

    def __init__(self, device: str = "", *, shard: bool = False) -> None:
        wanted = _wanted(device)
        # Whoever starts torchrun without a word on threads gets one per process, without a warning.
        os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
        self._accelerator = Accelerator(
            cpu=wanted.type == "cpu",
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        )
        self.count = self._accelerator.num_processes
        self.index = self._accelerator.process_index
        self.device = self._accelerator.device if self.count > 1 else wanted
        self._mesh = init_device_mesh(self.device.type, (self.count,)) if shard and self.count > 1 else None

    @property
    def shards(self) -> bool:
        """Whether the weights are in parts, one in each process."""
        return self._mesh is not None

    @property
    def is_first(self) -> bool:
        return self.index == 0

    def joined(self, module: nn.Module) -> nn.Module:
        """The module with gradients averaged over all processes."""
        if self._mesh:
            return shards.sharded(module, self._mesh)
        return self._accelerator.prepare_model(module) if self.count > 1 else module

    def apart(self, module: nn.Module) -> AbstractContextManager[None]:
        """Within it, gradients of `module` are gathered here only: more batches of the step follow."""
        if self._mesh:
            return shards.apart(module)
        return self._accelerator.no_sync(module) if self.count > 1 else nullcontext()

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the processes."""
        return self._accelerator.reduce(values, reduction="mean") if self.count > 1 else values

    def agreed(self, values: Sequence[float]) -> list[float]:
        """The largest of each over the processes, so that all take the same decision."""
        if self.count == 1:
            return list(values)
        own = torch.tensor([values], dtype=torch.float64, device=self.device)
        return self._accelerator.gather(own).max(dim=0).values.tolist()

    def first_goes_first(self) -> AbstractContextManager[None]:
        """Within it, the others wait until the first is through: it fills caches that they read."""
        return self._accelerator.main_process_first()

    def wait(self) -> None:
        self._accelerator.wait_for_everyone()

    def close(self) -> None:
        """Ends the group, so that the same program may start another run."""
        self._accelerator.end_training()
        AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001 - there is no public way


def _wanted(device: str) -> torch.device:
    """Raises Refused for a device that is not there."""
    has_gpu = torch.cuda.is_available()
    try:
        wanted = torch.device(device or ("cuda" if has_gpu else "cpu"))
    except RuntimeError as error:
        raise Refused(f"'training.device' {device!r} is no device. Leave it empty, or say cpu or cuda.") from error
    if wanted.type == "cuda" and not has_gpu:
        raise Refused("'training.device' is cuda, and this machine has none that torch can use. Leave it empty.")
    return wanted
