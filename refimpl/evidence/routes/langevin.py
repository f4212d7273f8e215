"""Second routes for Langevin dynamics: stationary points, and the noise a path injects."""

from typing import Any

import mpmath as mp

from ..calculus import Parts, line, slope
from ..route import route


@route("langevin.step")
def step(x: Any, score: Any, eps: Any) -> Parts:
    """Uphill on a log-density of that slope, with the noise of two Brownian motions."""
    return {"mean": x + eps * slope(lambda y: score * y, 0), "std": mp.sqrt(mp.fsum((eps, eps)))}


@route("langevin.stationary_variance")
def stationary_variance(std: Any, eps: Any) -> Any:
    """The fixed point of v ↦ (1 − ε/s²)² v + 2ε, a straight line."""

    def gain(v: Any) -> Any:
        return (1 - eps / std**2) ** 2 * v + 2 * eps - v

    return line(gain(mp.mpf(0)), 0, gain(mp.mpf(1)), 1, 0)


@route("langevin.annealed_eps")
def annealed_eps(eps: Any, sigma: Any, sigma_min: Any) -> Any:
    """Through logarithms."""
    return mp.exp(mp.log(eps) + 2 * (mp.log(sigma) - mp.log(sigma_min)))


@route("langevin.perturbed_weight")
def perturbed_weight(sigma: Any) -> Any:
    """Through the logarithm."""
    return mp.exp(2 * mp.log(sigma))


@route("langevin.noise_rate")
def noise_rate(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any) -> Any:
    """α² times the growth of (σ/α)²: in the units of the datum, noise is only added."""
    return alpha**2 * slope(lambda u: ((sigma + d_sigma * u) / (alpha + d_alpha * u)) ** 2, 0)
