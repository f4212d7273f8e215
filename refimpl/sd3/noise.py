"""Noise by name: every sample has its own, whoever draws it.

    draw(seed, "rollout", iteration, row)      the same on one process or eight, now or on resume

A generator is made for each sample from a digest of its name; no global generator is read or moved.
Devices have generators of their own: the same name gives other numbers on a GPU than on a CPU.
"""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor


def draw(
    seed: int, *name: object, shape: Sequence[int], device: torch.device | str = "cpu"
) -> Tensor:
    """Standard normal numbers, float32."""
    return torch.randn(tuple(shape), generator=_named(device, seed, *name), device=device)


def rows(
    seed: int,
    kind: str,
    iteration: int,
    numbers: Sequence[int],
    *,
    shape: Sequence[int],
    device: torch.device | str = "cpu",
) -> Tensor:
    """`draw` for several rows, one after another: (len(numbers), *shape)."""
    drawn = torch.empty(len(numbers), *shape, device=device)
    for row, into in zip(numbers, drawn, strict=True):
        torch.randn(into.shape, generator=_named(device, seed, kind, iteration, row), out=into)
    return drawn


def _named(device: torch.device | str, *name: object) -> torch.Generator:
    digest = hashlib.sha256("/".join(str(part) for part in name).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8]) >> 1)
