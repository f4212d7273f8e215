"""Second routes for paths.

    schedules from what they mean        derivatives by differentiation        v = dx/dτ

No derivative is typed: each is taken of the schedule, or of the point with both ends held.
"""

from typing import Any

import mpmath as mp

from ..calculus import Parts, line, mix, slope, solve
from ..route import route


def _schedule(alpha: Any, sigma: Any, t: Any) -> Parts:
    return {
        "alpha": alpha(t),
        "sigma": sigma(t),
        "d_alpha": slope(alpha, t),
        "d_sigma": slope(sigma, t),
    }


@route("paths.linear")
def linear(t: Any) -> Parts:
    """Lagrange's lines through the ends: all data at 0, all noise at 1."""
    return _schedule(lambda u: line(0, 1, 1, 0, u), lambda u: line(0, 0, 1, 1, u), t)


@route("paths.cosine")
def cosine(t: Any) -> Parts:
    """Real and imaginary part of exp(iπt/2)."""
    return _schedule(lambda u: mp.expjpi(u / 2).real, lambda u: mp.expjpi(u / 2).imag, t)


@route("paths.vp")
def vp(t: Any, beta_min: Any, beta_max: Any) -> Parts:
    """The integral of a linear rate is its trapezoid; σ² is −expm1 of minus it."""

    def spent(u: Any) -> Any:
        return u * (beta_min + line(0, beta_min, 1, beta_max, u)) / 2

    return _schedule(lambda u: mp.exp(-spent(u) / 2), lambda u: mp.sqrt(-mp.expm1(-spent(u))), t)


@route("paths.ve")
def ve(t: Any, sigma_min: Any, sigma_max: Any) -> Parts:
    """σ² is what a geometric interpolation of squared scales has gained since t = 0."""

    def sigma(u: Any) -> Any:
        return mp.sqrt(sigma_min ** (2 - 2 * u) * sigma_max ** (2 * u) - sigma_min**2)

    return _schedule(lambda u: mp.mpf(1), sigma, t)


@route("paths.interpolate")
def interpolate(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, data: Any, noise: Any) -> Any:
    """A complex product's real part."""
    return mix(alpha, sigma, data, noise)


@route("paths.conditional")
def conditional(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, data: Any) -> Parts:
    """Mean: the point without noise; std: how fast the point moves with the noise."""
    std = slope(lambda noise: mix(alpha, sigma, data, noise), 0)
    return {"mean": mix(alpha, sigma, data, 0), "std": std}


@route("paths.velocity")
def velocity(alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, data: Any, noise: Any) -> Any:
    """The derivative in time of the point, both ends held."""
    return slope(lambda u: mix(alpha + d_alpha * u, sigma + d_sigma * u, data, noise), 0)


@route("paths.conditional_velocity")
def conditional_velocity(
    alpha: Any, sigma: Any, d_alpha: Any, d_sigma: Any, data: Any, x: Any
) -> Any:
    """Follow the one noise that leads through x."""
    return solve(alpha, sigma, d_alpha, d_sigma, x=x, data=data)["v"]
