"""The mean that log-probabilities are those of, where neither a mean nor the noise was recorded.

    log p = −|x_s − c_x x_t − c_v v|²/(2 std²) + k        →   c_x, c_v and k of a step

Three numbers from as many rows as a step has: that they are these is seen by the rest of the rows.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

FEWEST = 6
"""Rows of a step that its three numbers are read off."""

_NARROW = 8
"""Of fewer coordinates a distance says too little of a mean."""

_ITERATIONS = 30
_ROUNDED = 32
"""So many roundoffs a log-probability may be off by, a sum of many numbers."""


@dataclass(frozen=True)
class Centre:
    """Two weights of a step's mean, and how far a mean made of them may be off, relative to it."""

    c_x: float
    c_v: float
    roundoff: float


def solve(x: Tensor, v: Tensor, x_s: Tensor, std: float, logs: Tensor, u: float) -> Centre | None:
    """The weights that all rows of a step agree on; None where there are none.

    Args:
        x: (n, D), as v and x_s.
        logs: (n,), a sum or a mean over the coordinates.
        u: roundoff of logs.
    """
    n, D = x.shape
    if n < FEWEST or D < _NARROW or not std > 0:
        return None
    for part in (1, D):
        found = _newton(x, v, x_s, -2 * std**2 * part * logs)
        allowed = 2 * std**2 * part * _ROUNDED * u * (1 + logs.abs())
        if found is None or not bool((found[1].abs() <= allowed).all()):
            continue
        weights, left, spread = found
        seen = (left**2).sum().div(n - 3).sqrt()
        mean = weights[0] * x + weights[1] * v
        off = torch.stack([spread[0] * x, spread[1] * v]).abs().amax() * seen
        return Centre(float(weights[0]), float(weights[1]), float(off / mean.abs().amax()))
    return None


def _newton(
    x: Tensor, v: Tensor, x_s: Tensor, squares: Tensor
) -> tuple[Tensor, Tensor, Tensor] | None:
    """Weights and a constant with |x_s − c_x x_t − c_v v|² + k = squares; what is left of each row;
    and how far each of the three moves with a unit of that."""
    parts = torch.stack([x, v], dim=2)
    whole = parts.flatten(0, 1)
    weights = torch.linalg.lstsq(whole, x_s.reshape(-1, 1)).solution[:, 0]
    k, one = torch.zeros((), dtype=x.dtype), torch.ones(len(x), 1, dtype=x.dtype)
    for _ in range(_ITERATIONS):
        apart = x_s - parts @ weights
        left = squares - (apart**2).sum(dim=1) - k
        slope = torch.cat([-2 * torch.einsum("nd,ndk->nk", apart, parts), one], dim=1)
        if not bool(torch.isfinite(torch.cat([slope, left[:, None]], dim=1)).all()):
            return None  # it leads away
        inverse = torch.linalg.pinv(slope)
        change = inverse @ left
        weights, k = weights + change[:2], k + change[2]
    return weights, left, torch.linalg.vector_norm(inverse, dim=1)
