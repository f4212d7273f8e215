"""Noise by name: every sample has its own, whoever draws it.

    stream(seed, "rollout", iteration, rows, …)     one tensor after another, a row for each
    draw(seed, "text", shape=…)                     one tensor

The numbers of a name are the same on one process or eight, now or on resume.
A generator is made for each sample from a digest of its name; no global generator is read or moved.
Devices have generators of their own: the same name gives other numbers on a GPU than on a CPU.
"""

import hashlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def draw(
    seed: int, *name: object, shape: Sequence[int], device: torch.device | str = "cpu"
) -> Tensor:
    """Standard normal numbers, float32."""
    return torch.randn(tuple(shape), generator=_named(device, seed, *name), device=device)


def stream(
    seed: int,
    kind: str,
    iteration: int,
    numbers: Sequence[int],
    *,
    shape: Sequence[int],
    device: torch.device | str = "cpu",
) -> Iterator[Tensor]:
    """Standard normal numbers, float32, without end: (len(numbers), *shape) at a time.

    Each row draws from a generator of its own, and so has the same numbers in any company.
    """
    generators = [_named(device, seed, kind, iteration, row) for row in numbers]
    while True:
        drawn = torch.empty(len(generators), *shape, device=device)
        for generator, into in zip(generators, drawn, strict=True):
            into.normal_(generator=generator)
        yield drawn


def _named(device: torch.device | str, *name: object) -> torch.Generator:
    digest = hashlib.sha256("/".join(str(part) for part in name).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8]) >> 1)
