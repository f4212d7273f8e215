"""Second routes for objectives: squares multiplied out, derivatives of log-densities.

a squared error by the binomial        a variance by pairs        ∇ log p by differentiation
"""

from typing import Any

import mpmath as mp

from ..calculus import columns, score_at, slope, square
from ..route import route


@route("objectives.flow_matching")
def flow_matching(v: Any, target: Any) -> Any:
    """The binomial."""
    return square(v, target)


@route("objectives.gap", whole=True)
def gap(posterior: Any, targets: Any) -> Any:
    """Minus the variance, by pairs."""

    def by_pairs(p: Any, f: Any) -> Any:
        total = mp.fsum(p)  # 1, but for the nudge that measures the condition
        pairs = mp.fsum(p[i] * p[j] * (f[i] - f[j]) ** 2 for i in range(len(p)) for j in range(i))
        second = mp.fsum(w * y * y for w, y in zip(p, f, strict=True))
        return -pairs - (1 - total) * second

    return columns(by_pairs, posterior, targets)


@route("objectives.denoising")
def denoising(score: Any, noise: Any, sigma: Any) -> Any:
    """The distance to the score of a datum at 0, where the noise has taken it."""
    return square(score, score_at(0, sigma, sigma * noise, 0))


@route("objectives.weighted_denoising")
def weighted_denoising(score: Any, noise: Any, sigma: Any) -> Any:
    """The same, in units of 1/σ."""
    return sigma**2 * denoising(score, noise, sigma)


@route("objectives.implicit")
def implicit(score: Any, dscore_dx: Any) -> Any:
    """2 (√p)″/√p at a place where p = 1."""
    return 2 * mp.diff(lambda y: mp.exp((score * y + dscore_dx * y**2 / 2) / 2), 0, 2)


@route("objectives.energy_score")
def energy_score(df_dx: Any) -> Any:
    """The logarithmic derivative of e^(−f)."""
    return slope(lambda y: mp.log(mp.exp(-df_dx * y)), 0)


@route("objectives.energy_gradient")
def energy_gradient(df_dtheta: Any, expected_df_dtheta: Any) -> Any:
    """The logarithmic derivative of e^(−f)/Z, where ∂ log Z is minus the expectation."""
    return slope(lambda y: mp.log(mp.exp(-df_dtheta * y) / mp.exp(-expected_df_dtheta * y)), 0)
