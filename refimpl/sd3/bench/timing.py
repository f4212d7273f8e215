"""Clocks for the benchmark: seconds of a call on any device, and what a matrix product reaches.

Shares of the ceiling are of the matrix product measured on the same machine in the same minute,
not of a data sheet.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Measured:
    """One timing.

    Attributes:
        seconds: of one call: the median of several, after one to warm up.
        gib: the most memory allocated meanwhile; None on a CPU.
    """

    seconds: float
    gib: float | None


def measure(call: Callable[[], Any], device: torch.device, repeats: int = 3) -> Measured:
    """Time a call."""
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
    return Measured(sorted(found)[len(found) // 2], peak)


def ceiling(device: torch.device, dtype: torch.dtype, size: int) -> float:
    """TFLOP/s of a product of two square matrices of that size."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / measure(lambda: a @ b, device, repeats=5).seconds / 1e12
