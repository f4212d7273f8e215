"""Second routes for biases: pairs of samples, binomial sums, quadrature over the old policy."""

from typing import Any

import mpmath as mp

from ..calculus import slope
from ..route import route


@route("bias.centred")
def centred(samples: Any) -> Any:
    """1 less the chance to meet oneself among the samples."""
    return 1 - mp.exp(-mp.log(samples))


@route("bias.silent")
def silent(p: Any, samples: Any) -> Any:
    """Powers through logarithms, with their limits at 0."""
    return mp.fsum(mp.exp(samples * mp.log(abs(q))) if q else mp.mpf(0) for q in (p, 1 - p))


def _moment(divergence: Any, power: Any) -> Any:
    """E_old r^power of two unit Gaussians, by completing the square: an integral of a density."""
    d = mp.sqrt(2 * divergence)
    return mp.npdf(0, 0, 1) / mp.npdf(power * d, 0, 1) * mp.exp(-power * divergence)


@route("bias.mean_ratio")
def mean_ratio(divergence: Any, dimensions: Any) -> Any:
    """The moment of order 1/D of the ratio of two Gaussians."""
    return _moment(divergence, 1 / dimensions)


@route("bias.effective")
def effective(divergence: Any) -> Any:
    """One over the second moment of the ratio of two Gaussians."""
    return 1 / _moment(divergence, 2)


@route("bias.stale")
def stale(curvature: Any, moved: Any) -> Any:
    """The slope of the reward where the batch was drawn, less that where the policy is."""

    def reward(x: Any) -> Any:
        return -curvature * x**2 / 2

    return slope(reward, mp.mpf(0)) - slope(reward, moved)
