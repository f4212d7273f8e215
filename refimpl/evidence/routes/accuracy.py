"""Second routes for the chain's accuracy: steps that are taken, and a flow of variances."""

from typing import Any

import mpmath as mp

from ..calculus import slope
from ..route import route


@route("accuracy.defect")
def defect(slope: Any, variance: Any, bend: Any) -> Any:
    """Half the second derivative, in h, of the variance after a step less the exact one."""
    rate = 2 * slope * variance - 1

    def off(h: Any) -> Any:
        taken = (1 - h * slope) ** 2 * variance + h
        return taken - (variance - h * rate + h**2 * bend / 2)

    return mp.diff(off, 0, 2) / 2


@route("accuracy.left")
def left(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, std: Any, kappa: Any) -> Any:
    """Squared cosines of the angle between data and state, turned into variances."""
    angle = mp.atan2(sigma, alpha * std)
    share = (std / mp.hypot(alpha * std, sigma)) ** 2
    if alpha == 0:
        return share if kappa == 0 else mp.mpf(0)
    return share * mp.exp(2 * kappa * mp.log(mp.cos(angle)))


@route("accuracy.rate")
def rate(t: Any, std: Any, kappa: Any) -> Any:
    """The defect of a step, with k = d/dt of half log V and κ times a logarithm of odds."""

    def variance(u: Any) -> Any:
        return mp.hypot((1 - u) * std, u) ** 2

    # g² = κ α² d(t/(1 − t))²/dt
    rate_of_noise = kappa * (1 - t) ** 2 * slope(lambda u: (u / (1 - u)) ** 2, t)
    k = slope(lambda u: mp.log(variance(u)) / 2, t) + rate_of_noise / (2 * variance(t))
    here = k**2 * variance(t) - mp.diff(variance, t, 2) / 2
    return here * left(1 - t, t, -1, 1, std, kappa)


@route("accuracy.best_step")
def best_step(rate: Any, root: Any, steps: Any) -> Any:
    """Through logarithms."""
    return mp.exp(mp.log(root) - mp.log(steps) - mp.log(rate) / 2)
