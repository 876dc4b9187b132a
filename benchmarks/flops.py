"""Arithmetic: how much a call takes, and how much a device gives."""

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode


def flops_of(work: Callable[[], object]) -> int:
    """Floating-point operations of matrix products, convolutions and attention in `work`, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def matrix_rate(device: str, dtype: torch.dtype, *, side: int = 8192, times: int = 20) -> float:
    """Operations a second of large matrix products on this device, the best of a few runs."""
    one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = 0.0
    for _ in range(3):
        wait(device)
        start = time.perf_counter()
        for _ in range(times):
            one @ other
        wait(device)
        best = max(best, times * 2 * side**3 / (time.perf_counter() - start))
    return best


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
