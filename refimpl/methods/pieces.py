"""A step with its log-probability, and its replay, in pieces that a core's cache holds.

    x_s, log_p = draw(method, law, x, v, noise)          log_p = replay(method, law, x, v, x_s)

A step of a batch is five short sums over arrays of megabytes. Done array by array, most of the time
goes into fetching them, and into finding memory for what lies between; done a sample or a few at a
time, what lies between never leaves the cache. The sums are those of `Affine.law`,
`gaussian.sample` and `log_prob`.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from ..typed import held
from .loss import log_prob
from .method import Method
from .steps import Affine

COORDINATES = 2**16
"""How many coordinates a piece has: 256 KiB in float32, of which a step needs four at a time."""


@held
@torch.no_grad()
def draw(method: Method, law: Affine, x: Tensor, v: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """x_s = mean + std · noise and log p(x_s | x_t), reduced as the method says: (B, ...) and (B,).

    Args:
        law: of the step.
        x: x_t, shape (B, ...).
        v: the velocity, shaped like x.
        noise: standard normal numbers, shaped like x; x_s is put in their place.

    Raises:
        ValueError: a step without noise, NaN, or shapes that do not agree.
    """
    scored = []
    for x_i, v_i, noise_i in _pieces(law, x, v, noise):
        kernel = law.law(x_i, v_i)
        noise_i.copy_(kernel.sample(noise_i))
        scored.append(log_prob(method, kernel, noise_i))
    return noise, torch.cat(scored)


@held
def replay(method: Method, law: Affine, x: Tensor, v: Tensor, x_s: Tensor) -> Tensor:
    """log p(x_s | x_t) of what was stored, shape (B,), with the gradient of v.

    Raises:
        ValueError: a step without noise, NaN, or shapes that do not agree.
    """
    pieces = _pieces(law, x, v, x_s)
    return torch.cat([log_prob(method, law.law(x_i, v_i), s_i) for x_i, v_i, s_i in pieces])


def _pieces(law: Affine, *arrays: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Samples that fit the cache together; all at once elsewhere, or if each has its own level."""
    x, *others = arrays
    if any(other.shape != x.shape for other in others):
        raise ValueError(
            f"x, v and the next state must have one shape, got {[tuple(a.shape) for a in arrays]}"
        )
    if isinstance(law.of_x, Tensor) or not x.is_cpu or not x.numel():
        return iter([arrays])
    n = max(1, COORDINATES * len(x) // x.numel())
    return zip(*(torch.split(array, n) for array in arrays), strict=True)
