"""Second routes for weights and masks: derivatives of steps, quotients, tables of cases.

lever: the paper's Eq. 9, differentiated     GRPO-Guard: the noise behind a log-ratio, recovered
"""

from typing import Any

import mpmath as mp
import numpy as np

from ..calculus import line, log_npdf, slope
from ..route import route
from .sde import eq_2


@route("weights.lever")
def lever(g: Any, t: Any, h: Any) -> Any:
    """The slope of the mean of the paper's Eq. 9 in the velocity, dt < 0, turned round."""
    return -slope(lambda v: eq_2(mp.mpf(1), v, g, t, -h)["mean"], mp.mpf(0))


@route("weights.levelled")
def levelled(std: Any, lever: Any) -> Any:
    """The line through 0 that takes the sensitivity to the std, read at 1."""
    return line(0, 0, lever, std, 1)


@route("weights.tempflow", whole=True)
def tempflow(std: Any) -> Any:
    """1/w_k is the average quotient of the other steps' std and its own."""
    out = np.empty(std.shape, dtype=object)
    out[:] = [len(std) / mp.fsum(other / one for other in std) for one in std]
    return out


@route("weights.guard_log_ratio")
def guard_log_ratio(log_ratio: Any, divergence: Any, std: Any) -> Any:
    """Two means as far apart as the divergence says, and the draw that has this log-ratio."""
    apart = std * mp.sqrt(2 * divergence)
    if not apart:
        return std * log_ratio

    def log_ratio_at(x: Any) -> Any:
        return log_npdf(x, apart, std) - log_npdf(x, 0, std)

    drawn = line(log_ratio_at(mp.mpf(0)), 0, log_ratio_at(mp.mpf(1)), 1, log_ratio)
    return apart * drawn / std


@route("weights.guard")
def guard(h: Any) -> Any:
    """Through the logarithm."""
    return mp.exp(-mp.log(h))


@route("weights.guard_lever")
def guard_lever(lever: Any) -> Any:
    """The line through 0 that takes the sensitivity to 1, read at 1."""
    return line(0, 0, lever, 1, 1)


@route("weights.divergence_mask")
def divergence_mask(ratio: Any, advantage: Any, divergence: Any, limit: Any) -> Any:
    """A table: what may go on is what is near, or what comes back."""
    near = divergence <= limit
    comes_back = advantage <= 0 if ratio > 1 else advantage >= 0
    return mp.mpf(1) if near or comes_back or ratio == 1 else mp.mpf(0)


@route("weights.signal")
def signal(correlation: Any) -> Any:
    """Mean and mean square of the product of two Gaussians, three nodes to each."""
    nodes = ((mp.mpf(2) / 3, 0), (mp.mpf(1) / 6, mp.sqrt(3)), (mp.mpf(1) / 6, -mp.sqrt(3)))
    rest = mp.sqrt(1 - correlation**2)
    pairs = [(p * q, x * (correlation * x + rest * y)) for p, x in nodes for q, y in nodes]
    mean = mp.fsum(p * z for p, z in pairs)
    return mean**2 / (mp.fsum(p * z**2 for p, z in pairs) - mean**2)
